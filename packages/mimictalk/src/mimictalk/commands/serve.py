"""mimictalk serve [--port N]"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

Host = Annotated[str, Option(help="Address to listen on; 127.0.0.1 is reached from this machine alone.")]
Port = Annotated[int, Option(help="0 for any free one.")]
Root = Annotated[
    Path | None, Option("--folder", metavar="DIR", help="Where jobs are kept [default: your data folder].")
]
Names = Annotated[
    list[str] | None, Option("--name", metavar="HOST", help="Another name that this server is called by.")
]


def serve(
    ctx: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 7870,
    folder: Root = None,
    name: Names = None,
    token_for: Annotated[
        str | None, Option(metavar="NAME", help="Make a token for somebody else, print it, and end.")
    ] = None,
    expires: Annotated[
        str | None, Option(metavar="TIME", help="With --token-for: good for, e.g., 60m.")
    ] = None,
) -> None:
    """Serve avatars, jobs and renders over HTTP, with the page."""
    from mimictalk.studio.server import ServerSettings
    from mimictalk.studio.starting import make_token, start

    settings = ServerSettings(host, port, folder, tuple(name or ()))
    if token_for is not None:
        token = make_token(settings, token_for, expires)
        ctx.obj.result(token, {"token": token, "owner": token_for})
    else:
        start(settings, ctx.obj, open_page=False)
