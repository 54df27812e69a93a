"""What the API does, without HTTP: owners, uploads and avatars become jobs, each in a folder of its own."""

import shutil
from pathlib import Path
from typing import Any

from mimictalk.errors import InputError
from mimictalk.studio.answers import artefacts
from mimictalk.studio.database import Database
from mimictalk.studio.folder import ID, StudioFolder, new_id
from mimictalk.studio.job import Job, Kind
from mimictalk.studio.job_store import JobStore
from mimictalk.studio.limits import Limits
from mimictalk.studio.requests import (
    AdaptRequest,
    CheckRequest,
    MotionRequest,
    PreviewRequest,
    RenderRequest,
)
from mimictalk.studio.steps import AVATAR
from mimictalk.studio.tokens import Tokens
from mimictalk.studio.uploads import Upload, Uploads, link_or_copy


class Studio:
    """One studio folder in use by one server.

    Args:
        folder: The folder.
        limits: What it takes at most.
    """

    def __init__(self, folder: StudioFolder, limits: Limits) -> None:
        self.folder, self.limits = folder, limits
        self.database = Database(folder.database)
        self.jobs = JobStore(self.database, limits)
        self.uploads = Uploads(folder, self.database, limits)
        self.tokens = Tokens(self.database)

    def sweep(self) -> None:
        """Remove what a crash left without an entry in the database."""
        self.uploads.sweep()
        known = {job.id for job in self.jobs.jobs()}
        for path in self.folder.jobs.iterdir():
            if path.name not in known:
                shutil.rmtree(path, ignore_errors=True)

    def check(self, owner: str, asked: CheckRequest) -> Job:
        """Judge a clip.

        Raises:
            KeyError: If an id is not this owner's; here and below.
            InputError: If a file is of the wrong kind; here and below.
            QueueFull: If no more jobs may wait; here and below.
        """
        upload = self.uploads.get(asked.clip, owner)
        return self._submit("check", owner, upload.name, {"clip": asked.clip}, {}, {})

    def adapt(self, owner: str, asked: AdaptRequest) -> Job:
        """Make an avatar."""
        options: dict[str, Any] = asked.model_dump(exclude={"clip", "name", "budget_s"}, exclude_none=True)
        if asked.budget_s is not None:
            options["budget"] = f"{asked.budget_s}s"
        return self._submit("adapt", owner, asked.name, {"clip": asked.clip}, options, options)

    def render(self, owner: str, asked: RenderRequest) -> Job:
        """Make a video of an avatar."""
        if (asked.audio is None) == (asked.drive is None):
            raise InputError("render", "it takes either audio or drive", "Give one of them.")
        avatar = self.avatar(asked.avatar, owner)
        values = asked.model_dump(exclude={"avatar", "name", "audio", "drive", "style"}, exclude_none=True)
        lent = asked.pose is not None and ID.fullmatch(asked.pose)
        if asked.drive is not None and ("style_strength" in values or asked.style or lent):
            cause = "with drive, style and head motion come from the driving clip"
            raise InputError("render", cause, "Leave these fields out, or give audio.")
        files = {name: getattr(asked, name) for name in ("audio", "drive", "style") if getattr(asked, name)}
        for name in ("pose", "background"):
            if ID.fullmatch(values.get(name) or ""):
                files[name] = values.pop(name)
        driver = self.uploads.get(asked.audio or asked.drive or "", owner)
        title = asked.name or f"{avatar.title}: {driver.name}"
        return self._submit("render", owner, title, files, values, values, avatar)

    def preview(self, owner: str, asked: PreviewRequest) -> dict[str, Any]:
        """What `PreviewProcess.draw` is to be asked for one frame."""
        avatar = self.avatar(asked.avatar, owner)
        values = asked.model_dump(exclude={"avatar", "audio"}, exclude_none=True)
        if "blink" in values:
            values["blink"] = str(values["blink"])
        if asked.audio is not None:
            values["audio"] = str(self._upload("audio", self.uploads.get(asked.audio, owner)))
        if ID.fullmatch(asked.background or ""):
            picture = self.uploads.get(asked.background or "", owner)
            values["background"] = str(self._upload("background", picture))
        return {**values, "avatar": str(self.folder.job(avatar.id) / AVATAR)}

    def motion(self, owner: str, asked: MotionRequest) -> Job:
        """Make a file of face motion."""
        if (asked.audio is None) == (asked.clip is None):
            raise InputError("motion", "it takes either audio or clip", "Give one of them.")
        files = {name: getattr(asked, name) for name in ("audio", "clip") if getattr(asked, name)}
        values = asked.model_dump(exclude={"name", "audio", "clip"}, exclude_none=True)
        title = asked.name or self.uploads.get(asked.audio or asked.clip or "", owner).name
        return self._submit("motion", owner, title, files, values, values)

    def avatar(self, avatar_id: str, owner: str) -> Job:
        """The job that made an avatar.

        Raises:
            KeyError: If it is not this owner's, or not made yet.
        """
        job = self.jobs.get(avatar_id, owner)
        if job.kind != "adapt" or job.state != "done":
            raise KeyError(avatar_id)
        return job

    def delete(self, job: Job) -> None:
        """Forget a job and all its files.

        Raises:
            InputError: If it runs.
        """
        self.jobs.delete(job.id)
        shutil.rmtree(self.folder.job(job.id), ignore_errors=True)

    def files(self, job: Job) -> list[str]:
        """Names of the artefacts that are there."""
        return [name for name in artefacts(job) if self.file(job, name) is not None]

    def file(self, job: Job, name: str) -> Path | None:
        """The file of an artefact; None where there is none. A link is nothing that a job made."""
        place = artefacts(job).get(name)
        if place is None:
            return None
        folder = self.folder.job(job.id).resolve()
        found = (path for path in folder.glob(place) if path.is_file() and path.resolve() == path)
        return next(found, None)

    def log(self, job: Job) -> str:
        """What the job said."""
        path = self.folder.job(job.id) / "log.txt"
        return path.read_text(errors="replace") if path.is_file() else ""

    def _upload(self, role: str, upload: Upload) -> Path:
        """The file of an upload that is fit for its role."""
        if (upload.kind == "picture") != (role == "background"):
            wanted = "a picture" if role == "background" else "a sound or video file"
            raise InputError(role, f"{upload.name} is not {wanted}", "Choose another file.")
        return self.folder.upload(upload.id)

    def _submit(
        self,
        kind: Kind,
        owner: str,
        title: str,
        files: dict[str, str],
        options: dict[str, Any],
        asked: dict[str, Any],
        avatar: Job | None = None,
    ) -> Job:
        uploads = {role: self.uploads.get(upload_id, owner) for role, upload_id in files.items()}
        for role, upload in uploads.items():
            self._upload(role, upload)
        job_id = new_id()
        folder = self.folder.job(job_id)
        try:
            (folder / "in").mkdir(parents=True)
            names = {role: f"{role}{upload.suffix}" for role, upload in uploads.items()}
            for role, upload in uploads.items():
                self.uploads.link(upload, folder / "in" / names[role])
            if avatar is not None:
                (folder / "in" / "avatar").mkdir()
                for path in (self.folder.job(avatar.id) / AVATAR).iterdir():
                    link_or_copy(path, folder / "in" / "avatar" / path.name)
            of = {"of": avatar.id} if avatar is not None else {}
            shown = {**asked, **files}
            return self.jobs.submit(kind, owner, title, {**options, **names, **of, "asked": shown}, job_id)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
