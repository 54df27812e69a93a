"""`serve` and `ui`: say where the studio is, who may use it, then serve."""

import webbrowser
from importlib.util import find_spec

from mimictalk.console import Console
from mimictalk.durations import parse_duration
from mimictalk.errors import InputError
from mimictalk.studio.server import ServerSettings, first_token, listen, open_folder, serve

NEEDED = ("fastapi", "uvicorn")
EVERYWHERE = ("0.0.0.0", "::")


def start(settings: ServerSettings, console: Console, *, open_page: bool) -> None:
    """Serve until it is stopped.

    Args:
        settings: How.
        console: Where the address is told.
        open_page: Open it in the browser.

    Raises:
        InputError: If libraries are missing or the address cannot be had.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError("studio", f"{missing[0]} is not installed", "pip install 'mimictalk[studio]'")
    server = listen(settings)
    token = first_token(settings)
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.getsockname()[1]}/"
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        console.warn(
            "the studio can be reached by other machines, without encryption: whoever has the token is in"
        )
    facts = {"address": address, "token_file": str(open_folder(settings).token)}
    # The part after # stays in the browser: it is in no request and no log.
    page = f"{address}#token={token}"
    console.result(page, facts)
    console.how_to_go_on = "Jobs that were running go on at the next start."
    if open_page:
        webbrowser.open(page)
    serve(settings, server)


def make_token(settings: ServerSettings, owner: str, expires: str | None) -> str:
    """A token for somebody else, who sees their own uploads, jobs and avatars alone."""
    from mimictalk.studio.database import Database
    from mimictalk.studio.tokens import Tokens

    database = Database(open_folder(settings).database)
    try:
        return Tokens(database).make(owner, parse_duration(expires, "--expires") if expires else None)
    finally:
        database.close()
