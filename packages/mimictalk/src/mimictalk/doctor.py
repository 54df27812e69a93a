"""Is this installation fit to work? Every fault comes with its cure."""

from collections.abc import Callable

from mimictalk.finding import FAIL, Check
from mimictalk.installation_checks import CHECKS, CURES, REINSTALL


def examine() -> list[Check]:
    """Run every check; a check that itself fails is reported, not raised."""
    return [finding for check in CHECKS for finding in _guarded(check)]


def table(checks: list[Check]) -> str:
    """The findings as text, cures below what they belong to."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:8} {check.name:{width}}  {check.found}")
        if check.cure:
            lines.append(f"{'':8} {'':{width}}  cure: {check.cure}")
    bad = sum(check.status == FAIL for check in checks)
    lines.append(f"{len(checks)} checks, {bad} failed")
    return "\n".join(lines)


def _guarded(check: Callable[[], list[Check]]) -> list[Check]:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        return check()
    except Exception as error:
        message = " ".join(str(error).split())[:160]
        return [
            Check(name, FAIL, f"{type(error).__name__}: {message}", CURES.get(name, f"{REINSTALL} mimictalk"))
        ]
