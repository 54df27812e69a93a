"""mimictalk ui"""

import typer

from mimictalk.commands.serve import Host, Names, Port, Root


def ui(
    ctx: typer.Context, host: Host = "127.0.0.1", port: Port = 7870, folder: Root = None, name: Names = None
) -> None:
    """Open the studio, a page in your browser."""
    from mimictalk.studio.server import ServerSettings
    from mimictalk.studio.starting import start

    start(ServerSettings(host, port, folder, tuple(name or ())), ctx.obj, open_page=True)
