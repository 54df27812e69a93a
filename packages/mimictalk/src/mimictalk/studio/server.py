"""The server process: the application, and a watch over one worker process per device."""

import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mimictalk.errors import InputError
from mimictalk.studio.folder import StudioFolder, default_root
from mimictalk.studio.limits import Limits
from mimictalk.studio.preview_process import PROGRAM as PREVIEWS
from mimictalk.studio.preview_process import PreviewProcess
from mimictalk.studio.worker import arguments_of

WORKER = (sys.executable, "-m", "mimictalk.studio.worker")
RESTART_SECONDS = 1.0


@dataclass(frozen=True)
class ServerSettings:
    """How to serve.

    Attributes:
        host: Address to listen on; 127.0.0.1 is reached from this machine alone.
        port: 0 for any free one.
        root: The studio's folder; None for the usual place.
        names: Further names by which the server may be called, for example behind a proxy.
        limits: What it takes at most.
        worker: Command of a worker, for tests.
        previews: Command of the process that draws previews, for tests.
    """

    host: str = "127.0.0.1"
    port: int = 7870
    root: Path | None = None
    names: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    worker: Sequence[str] = WORKER
    previews: Sequence[str] = PREVIEWS

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise InputError("--port", f"{self.port} is out of range", "Give 0 to 65535; 0 is any free one.")


class Workers:
    """One worker process per device, started again when it dies.

    Args:
        folder: Of the studio.
        devices: Their names.
        limits: Of jobs.
        command: Of a worker.
    """

    def __init__(
        self, folder: StudioFolder, devices: Sequence[str], limits: Limits, command: Sequence[str]
    ) -> None:
        self._commands = [[*command, *arguments_of(folder, device, limits)] for device in devices]
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Workers":
        self._threads = [threading.Thread(target=self._watch, args=(each,)) for each in self._commands]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, command: list[str]) -> None:
        while not self._over.is_set():
            # stdin is the leash: it ends with this process, however that ends.
            process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
            while process.poll() is None and not self._over.wait(0.2):
                pass
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
            self._over.wait(RESTART_SECONDS)


def listen(settings: ServerSettings) -> socket.socket:
    """A listening socket.

    Raises:
        InputError: If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((settings.host, settings.port))
        server.listen(128)  # who comes before the application is up waits
    except (OSError, socket.gaierror) as error:
        server.close()
        cause = f"nothing can listen there ({error.strerror or error})"
        cure = "Another studio may be running: choose another --port, or end that one."
        raise InputError(f"{settings.host}:{settings.port}", cause, cure) from None
    return server


def serve(settings: ServerSettings, server: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM. Jobs that run go on at the next start.

    Args:
        settings: How.
        server: Of `listen`.
    """
    import uvicorn

    from mimictalk.studio.api import LOCAL, make_app
    from mimictalk.studio.patient_protocol import PatientProtocol
    from mimictalk.studio.studio import Studio

    folder = open_folder(settings)
    studio = Studio(folder, settings.limits)
    devices = ("cpu",)
    previews = PreviewProcess(folder.previews, settings.limits, settings.previews)
    hosts = LOCAL | {settings.host, *settings.names}
    config = uvicorn.Config(
        make_app(studio, frozenset(hosts), devices, previews),
        http=PatientProtocol,
        ws="none",
        limit_concurrency=settings.limits.connections,
        timeout_keep_alive=settings.limits.idle_seconds,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=32 * 2**10,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )
    with server, Workers(folder, devices, settings.limits, settings.worker):
        uvicorn.Server(config).run(sockets=[server])


def open_folder(settings: ServerSettings) -> StudioFolder:
    """The studio's folder, made where it is missing."""
    return StudioFolder.open(settings.root or default_root())


def first_token(settings: ServerSettings) -> str:
    """The token of the studio's owner, made at the first start."""
    from mimictalk.studio.database import Database
    from mimictalk.studio.tokens import Tokens

    folder = open_folder(settings)
    database = Database(folder.database)
    try:
        return Tokens(database).first(folder.token)
    finally:
        database.close()
