"""mimictalk doctor"""

import typer


def doctor(ctx: typer.Context) -> None:
    """Check this installation; every fault comes with its cure."""
    from mimictalk.doctor import examine, table
    from mimictalk.finding import FAIL

    checks = examine()
    healthy = all(check.status != FAIL for check in checks)
    facts = {"healthy": healthy, "checks": [check.as_dict() for check in checks]}
    ctx.obj.result(table(checks), facts)
    if not healthy:
        raise typer.Exit(1)
