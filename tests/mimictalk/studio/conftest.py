"""A studio in an empty folder, with workers whose jobs only count (tests/support/quick_studio.py)."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mimictalk.studio.api import make_app
from mimictalk.studio.database import Database
from mimictalk.studio.folder import StudioFolder, new_id
from mimictalk.studio.job import Job
from mimictalk.studio.job_store import JobStore
from mimictalk.studio.limits import Limits
from mimictalk.studio.preview_process import PreviewProcess
from mimictalk.studio.studio import Studio
from mimictalk.studio.worker import arguments_of

from studio_files import MP4, PNG, bearer

QUICK = Path(__file__).parents[2] / "support" / "quick_studio.py"


@pytest.fixture
def folder(tmp_path) -> StudioFolder:
    return StudioFolder.open(tmp_path / "studio")


@pytest.fixture
def store(folder):
    database = Database(folder.database)
    yield JobStore(database)
    database.close()


@pytest.fixture
def start_worker(folder):
    """Starts a worker process; all are ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(device: str = "cpu", **limits: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(QUICK), *arguments_of(folder, device, Limits(**limits))]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.stdin.close()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture
def submit(store, folder):
    """Submits an adapt job with a clip of the given content."""

    def put(content: bytes = b"clip", kind: str = "adapt") -> Job:
        job_id = new_id()
        (folder.job(job_id) / "in").mkdir(parents=True)
        (folder.job(job_id) / "in" / "clip.mp4").write_bytes(content)
        options = {"clip": "clip.mp4"} if kind in ("adapt", "check") else {"audio": "clip.mp4"}
        return store.submit(kind, "me", "a job", options, job_id)

    return put


@pytest.fixture
def wait(store):
    """Waits until a job is as wished; returns it."""

    def until(job: Job, wished: Callable[[Job], bool], seconds: float = 30) -> Job:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            now = store.get(job.id)
            if wished(now):
                return now
            time.sleep(0.05)
        raise AssertionError(f"still {now}")

    return until


@pytest.fixture
def studio(folder):
    made = Studio(folder, Limits(requests_per_minute=10**6, failures_per_minute=10**6, free_bytes=1))
    yield made
    made.database.close()


@pytest.fixture
def token(studio) -> str:
    return studio.tokens.make("me")


@pytest.fixture
def previews(folder):
    """Previews of a program that draws a grey picture (quick_studio.py)."""
    limits = Limits(preview_seconds=20, waiting_previews=2)
    made = PreviewProcess(folder.previews, limits, (sys.executable, str(QUICK), "preview"))
    yield made
    made.close()


@pytest.fixture
def http(studio, token, previews):
    """An HTTP client with a valid token."""
    app = make_app(studio, previews=previews)
    with TestClient(app, base_url="http://127.0.0.1", headers=bearer(token)) as client:
        yield client


@pytest.fixture
def send(http):
    """Uploads bytes; returns the id."""

    def put(content: bytes = MP4, name: str = "clip.mp4") -> str:
        answer = http.post("/api/v1/uploads", params={"name": name}, content=content)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return put


@pytest.fixture
def finished(studio):
    """Ends a job as its worker would, with files."""

    def end(job_id: str, result: dict | None = None, **files: bytes) -> None:
        studio.jobs.claim("test")
        folder = studio.folder.job(job_id)
        for name, content in files.items():
            path = folder / "out" / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        studio.jobs.end(job_id, "done", result=result or {})

    return end


@pytest.fixture
def avatar(http, send, finished) -> str:
    """The id of an avatar."""
    body = {"clip": send(), "name": "Ada", "consent": "I am the person shown."}
    job = http.post("/api/v1/avatars", json=body).json()
    finished(job["id"], {"adapt": {"steps": 5}}, avatar__preview_dot_png=PNG, avatar__avatar_dot_json=b"{}")
    return job["id"]
