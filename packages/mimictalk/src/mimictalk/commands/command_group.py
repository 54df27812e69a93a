"""A command with commands of its own, such as `mimictalk weights list`; alone it shows its help."""

import typer


def command_group(name: str, help: str) -> typer.Typer:
    """An empty group.

    Args:
        name: As it is typed.
        help: One line.
    """
    group = typer.Typer(
        name=name,
        help=help,
        no_args_is_help=False,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @group.callback(invoke_without_command=True)
    def help_without_command(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            typer.echo(ctx.get_help(), file=ctx.obj.out)
            raise typer.Exit

    return group
