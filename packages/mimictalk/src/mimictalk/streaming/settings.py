"""What `mimictalk stream` is asked to do."""

import re
from dataclasses import dataclass

from mimictalk.errors import InputError
from mimictalk.render_job import RenderSettings
from mimictalk.streaming.moments import FPS
from mimictalk.video_settings import check_size

SHORTEST, LONGEST = 0.4, 3.0  # seconds of delay: look-ahead and hop alone are 0.36
ICE_SERVER = re.compile(r"^(stuns?|turns?):[^\s?@/]+(\?transport=(udp|tcp))?$")


@dataclass(frozen=True)
class StreamSettings:
    """How to stream one avatar.

    Attributes:
        video: Who, and how they speak and look.
        size: Side of the pictures.
        delay: Seconds from the arrival of sound to its going out; None for what this machine needs.
        host: Address to listen on; 127.0.0.1 is reached from this machine alone.
        port: 0 for any free one.
        names: Further names by which the server may be called.
        ice_servers: STUN or TURN servers for WebRTC; none are asked by default.
        viewers: Who may watch at once; each is encoded for apart.
    """

    video: RenderSettings
    size: int = 256
    delay: float | None = None
    host: str = "127.0.0.1"
    port: int = 7880
    names: tuple[str, ...] = ()
    ice_servers: tuple[str, ...] = ()
    viewers: int = 4

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.delay is not None and not SHORTEST <= self.delay <= LONGEST:
            cause = f"{self.delay:g} s is out of range"
            raise InputError("--delay", cause, "Give 0.4 to 3 seconds, or leave it out.")
        if not 0 <= self.port < 65536:
            raise InputError("--port", f"{self.port} is out of range", "Give 0 to 65535; 0 is any free one.")
        if not 1 <= self.viewers <= 64:
            raise InputError("--viewers", f"{self.viewers} is out of range", "Give 1 to 64.")
        for server in self.ice_servers:
            if not ICE_SERVER.match(server):
                cure = "Give stun:HOST:PORT or turn:HOST:PORT."
                raise InputError("--ice-server", f"{server[:80]!r} is no address of one", cure)

    @property
    def moments(self) -> int | None:
        """The delay in moments of 40 ms."""
        return None if self.delay is None else round(self.delay * FPS)
