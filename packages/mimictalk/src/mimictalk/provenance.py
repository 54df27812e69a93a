"""All marks of one video: prepared before any work, put into every frame, signed when it is complete."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk import __version__
from mimictalk.avatar import REFERENCE_MARKS, Avatar
from mimictalk.base_weights import installed
from mimictalk.console import Console
from mimictalk.content_credentials import ingredient, sign
from mimictalk.errors import InputError
from mimictalk.label import Label
from mimictalk.manifest import sha256_file
from mimictalk.mark_reading import Marks, read_marks, read_picture_marks
from mimictalk.marks import Mark
from mimictalk.signing_key import local_key, own_key
from mimictalk.transparency import WITHOUT_MANIFEST
from mimictalk.video_settings import PIPE, VideoSettings
from mimictalk.watermark import Watermark

if TYPE_CHECKING:
    import numpy as np

LOOKED_AT = 250  # frames of an input in which its watermark is looked for
PIPED = "what goes through a pipe cannot be signed"
SIGNED_AS = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".wav": "audio/wav",
}


@dataclass(frozen=True)
class InputMarks:
    """What marks an input carries.

    Attributes:
        note: A sentence.
        archive: The input as a C2PA ingredient; None where it cannot be one.
    """

    note: str
    archive: bytes | None


@dataclass(frozen=True)
class Origin:
    """What a person was taken from, as far as marks tell it.

    Attributes:
        base_weights: Name to sha256 of the generic weights.
        avatar_sha256: Of avatar.json, where there is one.
        portrait_sha256: Of the picture file, where there is one.
        consent: Statement of the person shown.
        marks: Role ("reference", "portrait") to the marks that were found on it.
    """

    base_weights: Mapping[str, str]
    avatar_sha256: str | None = None
    portrait_sha256: str | None = None
    consent: str | None = None
    marks: Mapping[str, InputMarks] = field(default_factory=dict)


class Provenance:
    """The marks of one video.

    Args:
        settings: Of the video.
        origin: Of the person.
        console: For warnings.

    Raises:
        InputError: If the key cannot be used or an input cannot be read.
    """

    def __init__(self, settings: VideoSettings, origin: Origin, console: Console) -> None:
        if settings.withheld:
            off = " and ".join(settings.withheld)
            console.warn(f"switched off: {off}; who shows the video must then say that it is synthetic")
        self._key = None
        if settings.no_provenance is None and not _why_unsigned(settings):
            certificates, key = settings.c2pa_cert, settings.c2pa_key
            self._key = own_key(certificates, key) if certificates and key else local_key()
        marks = {**origin.marks, **_marks_of_inputs(settings)}
        self._ingredients = {role: each.archive for role, each in marks.items() if each.archive is not None}
        driver = None if settings.driver == PIPE else sha256_file(settings.driver)
        payload = payload_of(origin.avatar_sha256 or origin.portrait_sha256, driver)
        watermarked = settings.no_watermark is None
        size = settings.size, settings.size
        self._watermark = Watermark(payload, size) if watermarked else None
        self._label = None if settings.label is None else Label(settings.label, size)
        unsigned = _why_unsigned(settings)
        if settings.form == "webm" and unsigned:
            left = "its metadata and its watermark" if settings.no_watermark is None else "its metadata"
            console.warn(f"{WITHOUT_MANIFEST}: {left} alone say that it is synthetic")
        self._mark = mark_of(
            origin,
            "video" if settings.audio is None else "audio",
            created="",
            watermark=payload if watermarked else None,
            driver_sha256=driver,
            inputs={role: each.note for role, each in marks.items()},
            withheld=settings.withheld | unsigned,
        )

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        return {"signed": self._key is not None, "watermark": self._mark.watermark}

    def metadata(self, created: str) -> dict[str, str]:
        """Of the container; `created` is the time, ISO 8601."""
        return replace(self._mark, created=created).as_metadata()

    def mark_frame(self, frame: "np.ndarray") -> "np.ndarray":
        """(S, S, 3) uint8 RGB with label and watermark; with 4 channels the last is alpha."""
        if self._label is not None:
            frame = self._label.draw(frame)
        if self._watermark is None:
            return frame
        return self._watermark.embed(frame) if frame.shape[2] == 3 else self._embed_in_colours(frame)

    def _embed_in_colours(self, frame: "np.ndarray") -> "np.ndarray":
        import numpy as np

        assert self._watermark is not None
        colours = self._watermark.embed(np.ascontiguousarray(frame[..., :3]))
        return np.concatenate([colours, frame[..., 3:]], -1)

    def marking(self, load_renderer: Callable[[], Any]) -> Callable[[], "MarkingRenderer"]:
        """The same renderer, whose frames are marked."""
        return lambda: MarkingRenderer(load_renderer(), self)

    def mark_file(self, path: Path, created: str) -> None:
        """Sign a finished file, or every file of a finished folder; each is replaced when the signed one is
        complete."""
        if self._key is not None:
            mark = replace(self._mark, created=created)
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                sign(file, mark, self._key, self._ingredients, SIGNED_AS[file.suffix.lower()])


@dataclass(frozen=True)
class MarkingRenderer:
    """A renderer whose every frame is marked."""

    renderer: Any
    provenance: Provenance

    def frames(self, motion: Any) -> "Iterator[np.ndarray]":
        """Frames of a motion, (S, S, 3) uint8 RGB, one after another."""
        return map(self.provenance.mark_frame, self.renderer.frames(motion))


def mark_of(origin: Origin, driven_by: str, *, created: str, watermark: int | None, **known: Any) -> Mark:
    """The mark of a picture or video of a person.

    Args:
        origin: Of the person.
        driven_by: "audio" or "video".
        created: ISO 8601, UTC.
        watermark: Its payload; None without one.
        **known: Further fields of `Mark`.
    """
    return Mark(
        f"mimictalk {__version__}",
        origin.avatar_sha256,
        driven_by,
        created,
        portrait_sha256=origin.portrait_sha256,
        base_sha256=_of_weights(origin.base_weights),
        consent=origin.consent,
        watermark=None if watermark is None else f"{watermark:016x}",
        **known,
    )


def origin_of(avatar: Avatar) -> Origin:
    """What an avatar tells about itself."""
    made = avatar.manifest
    note = made.source.get("marks")
    archive = avatar.path / REFERENCE_MARKS
    marks = {}
    if note is not None:
        known = REFERENCE_MARKS in made.files
        marks["reference"] = InputMarks(note, archive.read_bytes() if known else None)
    consent = made.consent["statement"] if made.consent else None
    return Origin(made.base_weights, avatar_sha256=avatar.sha256, consent=consent, marks=marks)


def origin_of_picture(path: Path, sha256: str) -> Origin:
    """What is known of a person who was taken from a single picture."""
    marks = picture_marks(path, "portrait")
    known = {} if marks is None else {"portrait": marks}
    return Origin(installed(), portrait_sha256=sha256, marks=known)


def input_marks(path: Path, role: str, read: Callable[[Path], Marks] | None = None) -> InputMarks | None:
    """The marks of one input, kept as an ingredient; None if it carries none.

    Args:
        path: The file.
        role: What it is used as.
        read: How; by default as a video or sound file.
    """
    marks = read_marks(path, frames=LOOKED_AT) if read is None else read(path)
    note = marks.note()
    if note is None:
        return None
    archive = None if marks.media_type is None else ingredient(path, marks.media_type, role, note)
    return InputMarks(note, archive)


def picture_marks(path: Path, role: str) -> InputMarks | None:
    """The marks of a picture; None if it carries none."""
    return input_marks(path, role, read_picture_marks)


def _marks_of_inputs(settings: VideoSettings) -> dict[str, InputMarks]:
    clips = {"driver": settings.driver, "style": settings.style, "pose": settings.pose_clip}
    found = {
        role: input_marks(path, role)
        for role, path in clips.items()
        if path is not None and path != PIPE and path.is_file()
    }
    background = Path(settings.background)
    if background.is_file():
        with suppress(InputError):  # what is no picture is refused where it is used
            found["background"] = picture_marks(background, "background")
    return {role: each for role, each in found.items() if each is not None}


def _why_unsigned(settings: VideoSettings) -> dict[str, str]:
    """Why a video that was to get a manifest cannot have one; empty where it can."""
    if settings.no_provenance is not None:
        return {}
    if settings.out == PIPE:
        return {"c2pa": PIPED}
    return {"c2pa": WITHOUT_MANIFEST} if settings.form == "webm" else {}


def payload_of(person: str | None, driver: str | None) -> int:
    """32 bits of the person's sha256, then 32 of the driver's; 0 for what has none, as live speech."""
    return int((person or "0" * 8)[:8] + (driver or "0" * 8)[:8], 16)


def _of_weights(weights: Mapping[str, str]) -> str:
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(weights.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
