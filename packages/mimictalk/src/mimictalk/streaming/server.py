"""`mimictalk stream`: load the avatar, say where it can be seen, serve until it is stopped."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import numpy as np

from mimictalk.avatar import Avatar
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.marks import now
from mimictalk.provenance import Provenance, origin_of
from mimictalk.state import last_avatar
from mimictalk.streaming.drawing_link import PROGRAM, DrawingLink
from mimictalk.streaming.settings import StreamSettings
from mimictalk.streaming.speaker import SpeakerSettings
from mimictalk.studio.server import ServerSettings, listen

NEEDED = ("fastapi", "uvicorn", "aiortc")
EVERYWHERE = ("0.0.0.0", "::")
SEND_BUFFER = 64 * 2**10  # bytes: what waits in the system's buffer is delay that nobody can take back


def stream(settings: StreamSettings, console: Console, program: Sequence[str] = PROGRAM) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        settings: How.
        console: Where the address is told.
        program: The process that draws, for tests.

    Raises:
        InputError: If libraries are missing, the avatar cannot be used or the address cannot be had.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError("stream", f"{missing[0]} is not installed", "pip install 'mimictalk[stream]'")
    video = settings.video
    avatar = Avatar.load(video.avatar if video.avatar is not None else last_avatar())
    provenance = Provenance(video, origin_of(avatar), console)
    watermark = provenance.facts()["watermark"]
    speaker = SpeakerSettings.of(avatar.path, settings.size, video, watermark)
    server = open_socket(settings)
    link = DrawingLink(asdict(speaker), settings.size, settings.moments, _nobody, program)
    console.how_to_go_on = "Nothing was kept."
    with server:
        asyncio.run(serve_link(settings, server, link, avatar.name, provenance.metadata(now()), console))


def open_socket(settings: StreamSettings) -> socket.socket:
    """A listening socket whose connections hold little back.

    Raises:
        InputError: If the address cannot be had.
    """
    server = listen(ServerSettings(settings.host, settings.port))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return server


async def serve_link(
    settings: StreamSettings,
    server: socket.socket,
    link: DrawingLink,
    name: str,
    metadata: dict[str, str],
    console: Console,
) -> None:
    """Start the process that draws, tell the address, serve until stopped.

    Args:
        settings: Of the stream.
        server: Of `open_socket`.
        link: The process that draws, not started.
        name: Of the avatar.
        metadata: Of every mp4.
        console: Where the address is told.

    Raises:
        MimictalkError: If the process cannot be started.
    """
    import uvicorn

    from mimictalk.streaming.app import LIMITS, LOCAL, OneToken, Stage, make_app
    from mimictalk.streaming.live import Live
    from mimictalk.studio.patient_protocol import PatientProtocol

    console.note("getting ready to draw")
    try:
        facts = await link.start()
        for warning in facts["warnings"]:
            console.warn(warning)
        token, live = OneToken(), Live(link)
        stage = Stage(live, settings, name, metadata)
        _tell(settings, server, token.value, live.delay_seconds, facts, console)
        config = uvicorn.Config(
            make_app(stage, token, LOCAL | {settings.host, *settings.names}),
            http=PatientProtocol,
            ws="none",
            limit_concurrency=LIMITS.connections,
            timeout_keep_alive=LIMITS.idle_seconds,
            timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=32 * 2**10,
            access_log=False,
            log_level="warning" if console.debug else "critical",
            server_header=False,
            proxy_headers=False,
        )
        await uvicorn.Server(config).serve(sockets=[server])
    finally:
        await link.close()


def _tell(
    settings: StreamSettings,
    server: socket.socket,
    token: str,
    delay: float,
    facts: dict[str, Any],
    console: Console,
) -> None:
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.getsockname()[1]}/"
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        console.warn("other machines can reach it, without encryption: whoever has the token is in")
    per_second = facts["workers"] / facts["seconds"]
    told = (
        f"sound goes out {delay:.2f} s after it came in; about {per_second:.0f} frames a second can be drawn"
    )
    console.note(f"{settings.size} x {settings.size}: {told}")
    # The part after # stays in the browser: it is in no request and no log.
    page = f"{address}#token={token}"
    known = {"address": address, "token": token, "delay": delay, "frames_per_second": round(per_second, 1)}
    console.result(page, known)


def _nobody(index: int, frame: np.ndarray) -> None:
    """Pictures before anybody listens."""
