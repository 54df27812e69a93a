"""The server as a process: killed, restarted, bombed, kept waiting."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from studio_files import MP4

from mimictalk.errors import InputError
from mimictalk.studio import patient_protocol
from mimictalk.studio.client import StudioClient, StudioError
from mimictalk.studio.server import ServerSettings, listen

SERVER = Path(__file__).parents[2] / "support" / "quick_server.py"


class Running:
    """A server process and a client of it."""

    def __init__(self, root: Path, port: int = 0) -> None:
        command = [sys.executable, str(SERVER), str(root), str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        told, self.token = self.process.stdout.readline().split()
        self.port = int(told)
        self.client = StudioClient(f"http://127.0.0.1:{self.port}", self.token)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        return code

    def close(self) -> None:
        self.client._http.close()
        if self.process.poll() is None:
            self.end()


@pytest.fixture
def run(tmp_path):
    started = []

    def start(port: int = 0) -> Running:
        started.append(Running(tmp_path / "studio", port))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server for tests that leave it as it was."""
    server = Running(tmp_path_factory.mktemp("shared") / "studio")
    yield server
    server.close()


@pytest.fixture
def clip(tmp_path):
    def write(content: bytes = b"") -> Path:
        path = tmp_path / "clip.mp4"
        path.write_bytes(MP4 + content)
        return path

    return write


def test_jobs_outlive_the_server(run, clip):
    """kill -9 of the server in the middle, start again at the same port: same client, same jobs, finished."""
    first = run()
    upload = first.client.upload(clip())
    jobs = [first.client.adapt(upload, f"job {n}", consent="yes") for n in range(2)]
    while first.client.job(jobs[0].id).done < 3:
        time.sleep(0.05)
    first.end(signal.SIGKILL)
    second = run(first.port)
    assert second.token == first.token
    for job in jobs:
        ended = first.client.wait(job, 60)
        assert (ended.state, ended.files) == ("done", ["preview.png"])
    points = [point.done for point in second.client.curve(jobs[0].id)]
    assert points == sorted(set(points))
    assert points[-1] == 20
    events = second.client.events()
    assert {next(events).id for _ in range(2)} == {job.id for job in jobs}


@pytest.mark.slow
def test_a_killed_worker_is_replaced(run, clip):
    server = run()
    job = server.client.adapt(server.client.upload(clip()), "Ada", consent="yes")
    while server.client.job(job.id).done < 3:
        time.sleep(0.05)
    workers = psutil.Process(server.process.pid).children()
    assert len(workers) == 1
    workers[0].kill()
    assert server.client.wait(job, 60).state == "done"


def test_an_upload_bomb_stays_out_of_memory(shared, tmp_path):
    """128 MB are streamed to the disk; the server grows by less than 40 MB."""
    server = shared
    before = psutil.Process(server.process.pid).memory_info().rss
    path = tmp_path / "bomb.mp4"
    with path.open("wb") as file:
        file.write(MP4)
        file.truncate(128 * 2**20)
    upload = server.client.upload(path)
    assert next(tmp_path.parent.glob(f"shared*/studio/uploads/{upload}")).stat().st_size == 128 * 2**20
    assert psutil.Process(server.process.pid).memory_info().rss - before < 40 * 2**20


def test_slow_clients_are_let_go_and_keep_nobody_waiting(shared):
    server = shared
    head = (
        f"POST /api/v1/uploads?name=a HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n"
    )
    sockets = []
    for number in range(30):
        client = socket.create_connection(("127.0.0.1", server.port))
        if number % 2:
            client.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + MP4)
        else:
            client.sendall(head.encode())
        sockets.append(client)
    began = time.monotonic()
    assert server.client.about().owner == "me"
    assert time.monotonic() - began < 5
    for number, client in enumerate(sockets):
        client.settimeout(30)
        answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408") if number % 2 else answer == b""
        client.close()
    assert server.client.about().owner == "me"


@pytest.mark.slow
def test_too_many_connections_are_told(shared):
    server = shared
    sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(80)]
    time.sleep(0.3)
    with pytest.raises(StudioError) as refused:
        server.client.about()
    assert refused.value.status == 503
    for client in sockets:
        client.close()
    time.sleep(0.3)
    assert server.client.about().owner == "me"


def test_sigterm_ends_it_with_all_its_processes(run, clip):
    server = run()
    job = server.client.adapt(server.client.upload(clip(b"slow")), "Ada", consent="yes")
    while server.client.job(job.id).done < 2:
        time.sleep(0.05)
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert len(family) == 2
    server.end()
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_the_client_explains(shared, clip, tmp_path):
    server = shared
    with pytest.raises(StudioError, match="a valid token is needed"):
        StudioClient(f"http://127.0.0.1:{server.port}", "wrong").jobs()
    job = server.client.adapt(server.client.upload(clip(b"unusable")), "Ada", consent="yes")
    with pytest.raises(StudioError, match="no face was found\nShow one face"):
        server.client.wait(job, 60)
    with pytest.raises(StudioError, match="no such file"):
        server.client.download(job, "preview.png", tmp_path / "p.png")
    assert not (tmp_path / "p.png").exists()


def test_a_taken_port_is_explained():
    with listen(ServerSettings(port=0)) as first:
        first.listen()
        with pytest.raises(InputError, match="nothing can listen there"):
            listen(ServerSettings(port=first.getsockname()[1]))


def test_heads_have_a_time_limit():
    assert 0 < patient_protocol.HEAD_SECONDS <= 30
