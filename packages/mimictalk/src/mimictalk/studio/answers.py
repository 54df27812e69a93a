"""What the API tells. Nothing in it names a place on this machine."""

from typing import Any, Literal

from pydantic import BaseModel

from mimictalk.studio.job import Job, Kind, State
from mimictalk.studio.steps import ARTEFACTS
from mimictalk.studio.uploads import Contains, Upload


class ErrorAnswer(BaseModel):
    """What is wrong, why, and what to do."""

    subject: str
    cause: str
    cure: str = ""


class UploadAnswer(BaseModel):
    """A file that was sent."""

    id: str
    name: str
    kind: Contains
    bytes: int
    sha256: str
    created: float


class JobAnswer(BaseModel):
    """A job as it stands.

    `verdict` is of a check: go, warn or no-go. `provenance` is of a render: what `mimictalk verify` reads in
    the video. `files` are the names under /jobs/{id}/files. `version` grows with every change.
    """

    id: str
    kind: Kind
    state: State
    wanted: str
    title: str
    stage: str
    done: int
    total: int
    eta_s: float | None
    warnings: list[str]
    error: ErrorAnswer | None
    verdict: Literal["go", "warn", "no-go"] | None
    facts: dict[str, Any]
    provenance: dict[str, Any] | None
    options: dict[str, Any]
    avatar: str | None
    files: list[str]
    created: float
    started: float | None
    finished: float | None
    version: int


class AvatarAnswer(BaseModel):
    """A person who can be rendered."""

    id: str
    name: str
    created: float
    steps: int | None
    seconds: float | None
    speech_style: bool | None
    consent: str
    licence: str | None


class PointAnswer(BaseModel):
    """One point of a curve: the numbers of a stage at a step."""

    stage: str
    done: int
    numbers: dict[str, float]


class AboutAnswer(BaseModel):
    """This studio."""

    version: str
    owner: str
    devices: list[str]
    limits: dict[str, int]


SHOWN = ("seconds", "frames", "fps", "speech", "steps", "seed", "preset", "speech_style", "sync_lag_s")


def upload_answer(upload: Upload) -> UploadAnswer:
    """What is told about an upload."""
    return UploadAnswer(
        id=upload.id,
        name=upload.name,
        kind=upload.kind,
        bytes=upload.bytes,
        sha256=upload.sha256,
        created=upload.created,
    )


def job_answer(job: Job, files: list[str]) -> JobAnswer:
    """What is told about a job.

    Args:
        job: The job.
        files: Names of the artefacts that are there.
    """
    result = job.result or {}
    facts = {name: value for step in result.values() for name, value in step.items() if name in SHOWN}
    check = result.get("check")
    error = job.error or (check or {}).get("error")
    verify = result.get("verify")
    return JobAnswer(
        id=job.id,
        kind=job.kind,
        state=job.state,
        wanted=job.wanted,
        title=job.title,
        stage=job.stage,
        done=job.done,
        total=job.total,
        eta_s=job.eta_s,
        warnings=job.warnings,
        error=_error(error) if error else None,
        verdict=None if check is None else "no-go" if error else "warn" if job.warnings else "go",
        facts=facts,
        provenance=None if verify is None else {k: v for k, v in verify.items() if k not in ("file", "ok")},
        options=job.options.get("asked", {}),
        avatar=job.id if job.kind == "adapt" and job.state == "done" else job.options.get("of"),
        files=files,
        created=job.created,
        started=job.started,
        finished=job.finished,
        version=job.version,
    )


def avatar_answer(job: Job) -> AvatarAnswer:
    """What is told about the avatar that an adapt job made."""
    made = (job.result or {}).get("adapt", {})
    return AvatarAnswer(
        id=job.id,
        name=job.title,
        created=job.finished or job.created,
        steps=made.get("steps"),
        seconds=made.get("seconds"),
        speech_style=made.get("speech_style"),
        consent=job.options.get("consent", ""),
        licence=job.options.get("licence"),
    )


def artefacts(job: Job) -> dict[str, str]:
    """Name in the API to pattern in the job's folder, of everything that a job of its kind may make."""
    return ARTEFACTS[job.kind]


def _error(error: dict[str, str]) -> ErrorAnswer:
    return ErrorAnswer(
        subject=error["subject"].removeprefix("in/"), cause=error["cause"], cure=error.get("cure", "")
    )
