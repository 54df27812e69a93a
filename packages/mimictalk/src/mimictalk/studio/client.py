"""The API from Python: typed, and patient with connections that break.

from mimictalk.studio.client import StudioClient

with StudioClient("http://127.0.0.1:7870", token) as studio:
    clip = studio.upload("me.mp4")
    avatar = studio.wait(studio.adapt(clip, "Me", consent="I am the person shown."))
    video = studio.wait(studio.render(avatar.id, audio=studio.upload("hello.wav")))
    studio.download(video, "video.mp4", "hello.mp4")
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import httpx

from mimictalk.atomic import atomic_file
from mimictalk.errors import MimictalkError
from mimictalk.studio.answers import AboutAnswer, AvatarAnswer, JobAnswer, PointAnswer, UploadAnswer

BLOCK = 2**20
PREVIEW_SECONDS = 150.0  # the first one of an avatar loads it
OVER = ("done", "failed", "cancelled")


class StudioError(MimictalkError):
    """The studio refused a request, or a job did not end well.

    Attributes:
        status: HTTP status; 0 where a job failed.
    """

    def __init__(self, status: int, subject: str, cause: str, cure: str = "") -> None:
        super().__init__(subject, cause, cure)
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.subject, self.cause, self.cure)


class StudioClient:
    """A studio elsewhere, or on this machine. Use it as a context manager.

    Every method raises `StudioError` where the studio says no.

    Args:
        address: Such as http://127.0.0.1:7870.
        token: Of the file `token` in the studio's folder, or made by `mimictalk serve --token-for NAME`.
        timeout_s: For one answer.
    """

    def __init__(self, address: str, token: str, timeout_s: float = 30.0) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1", headers=headers, timeout=timeout_s
        )

    def __enter__(self) -> "StudioClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def about(self) -> AboutAnswer:
        """Version, devices and limits."""
        return AboutAnswer.model_validate(self._ask("GET", "/about"))

    def upload(self, path: str | Path) -> str:
        """Send a file; returns its id."""
        path = Path(path)

        def blocks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    yield block

        sent = self._ask("POST", "/uploads", params={"name": path.name}, content=blocks())
        return UploadAnswer.model_validate(sent).id

    def check(self, clip: str) -> JobAnswer:
        """Judge a clip; the verdict is in the finished job."""
        return self._job("POST", "/checks", {"clip": clip})

    def adapt(self, clip: str, name: str, *, consent: str, **options: Any) -> JobAnswer:
        """Make an avatar. Options: licence, steps, budget_s, seed."""
        return self._job("POST", "/avatars", {"clip": clip, "name": name, "consent": consent, **options})

    def render(
        self, avatar: str, *, audio: str | None = None, drive: str | None = None, **options: Any
    ) -> JobAnswer:
        """Make a video.

        Options: name, style, style_strength, pose, drive_pose, mouth, blink, gaze, background, label, seed.
        """
        named = {"audio": audio, "drive": drive}
        given = {name: upload for name, upload in named.items() if upload is not None}
        return self._job("POST", "/renders", {"avatar": avatar, **given, **options})

    def preview(self, avatar: str, *, at: float = 0.0, audio: str | None = None, **options: Any) -> bytes:
        """One frame of a video as it would be: PNG, marked as synthetic.

        Options: style_strength, pose, mouth, blink, gaze, background, label, seed.
        """
        asked = {"avatar": avatar, "at": at, **({} if audio is None else {"audio": audio}), **options}
        answer = self._http.post("/previews", json=asked, timeout=PREVIEW_SECONDS)
        if answer.is_error:
            raise _refusal(answer)
        return answer.content

    def motion(self, *, audio: str | None = None, clip: str | None = None, **options: Any) -> JobAnswer:
        """Make a Live Link Face CSV. Options: name, style_strength, pose, blink, seed."""
        named = {"audio": audio, "clip": clip}
        given = {name: upload for name, upload in named.items() if upload is not None}
        return self._job("POST", "/motions", {**given, **options})

    def avatars(self) -> list[AvatarAnswer]:
        """Everyone who can be rendered."""
        return [AvatarAnswer.model_validate(each) for each in self._ask("GET", "/avatars")]

    def jobs(self) -> list[JobAnswer]:
        """All jobs, the newest first."""
        return [JobAnswer.model_validate(each) for each in self._ask("GET", "/jobs")]

    def job(self, job_id: str) -> JobAnswer:
        """One job as it stands."""
        return self._job("GET", f"/jobs/{job_id}")

    def ask(self, job_id: str, wish: Literal["cancel", "pause", "resume"]) -> JobAnswer:
        """Cancel, pause or resume a job."""
        return self._job("POST", f"/jobs/{job_id}/{wish}")

    def delete(self, job_id: str) -> None:
        """Forget a job."""
        self._ask("DELETE", f"/jobs/{job_id}")

    def curve(self, job_id: str) -> list[PointAnswer]:
        """Loss and other numbers over the steps."""
        return [PointAnswer.model_validate(each) for each in self._ask("GET", f"/jobs/{job_id}/curve")]

    def events(self, after: int = 0) -> Iterator[JobAnswer]:
        """Every change of every job, for ever; connects again where the connection breaks."""
        while True:
            try:
                with self._http.stream("GET", "/events", params={"after": after}, timeout=30) as answer:
                    if answer.is_error:
                        answer.read()
                        raise _refusal(answer)
                    for name, data in _events(answer.iter_lines()):
                        if name == "job":
                            job = JobAnswer.model_validate_json(data)
                            after = job.version
                            yield job
            except httpx.TransportError:
                time.sleep(1)

    def wait(self, job: JobAnswer, seconds: float = float("inf"), poll_s: float = 0.5) -> JobAnswer:
        """Wait for a job's end, through any restart of the studio.

        Raises:
            StudioError: If it fails or is cancelled.
            TimeoutError: If it takes longer.
        """
        deadline = time.monotonic() + seconds
        while job.state not in OVER:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{job.title}: {job.state} after {seconds:g} s")
            time.sleep(poll_s)
            try:
                job = self.job(job.id)
            except httpx.TransportError:
                continue
        if job.state != "done":
            why = job.error
            raise StudioError(0, job.title, why.cause if why else job.state, why.cure if why else "")
        return job

    def download(self, job: JobAnswer, name: str, target: str | Path) -> Path:
        """Fetch one of a job's `files`; it appears whole or not at all."""
        target = Path(target)
        with (
            self._http.stream("GET", f"/jobs/{job.id}/files/{name}") as answer,
            atomic_file(target) as temporary,
            temporary.open("wb") as file,
        ):
            if answer.is_error:
                answer.read()
                raise _refusal(answer)
            for block in answer.iter_bytes():
                file.write(block)
        return target

    def _job(self, method: str, path: str, body: dict[str, Any] | None = None) -> JobAnswer:
        return JobAnswer.model_validate(self._ask(method, path, json=body))

    def _ask(self, method: str, path: str, **parts: Any) -> Any:
        answer = self._http.request(method, path, **parts)
        if answer.is_error:
            raise _refusal(answer)
        return answer.json() if answer.content else None


def _refusal(answer: httpx.Response) -> StudioError:
    try:
        told = answer.json()["error"]
        return StudioError(answer.status_code, told["subject"], told["cause"], told["cure"])
    except (ValueError, KeyError, TypeError):
        return StudioError(answer.status_code, "studio", answer.reason_phrase)


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    name = "message"
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                json.loads("\n".join(data))  # a half-sent event is no event
                yield name, "\n".join(data)
            name, data = "message", []
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data.append(value.removeprefix(" "))
