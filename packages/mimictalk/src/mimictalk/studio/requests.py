"""What the API takes. No field is a path or an address: files are named by the ids of uploads and avatars."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from mimictalk.errors import InputError
from mimictalk.motion_controls import MOST, MotionControls

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


def _in_range(text: str, *, pose: str = "ref", gaze: str = "auto") -> str:
    """The text, if `MotionControls` takes these angles."""
    try:
        MotionControls.of(pose=pose, gaze=gaze)
    except InputError as error:
        raise ValueError(f"{error.cause}. {error.cure}") from None
    return text


ANGLE = r"-?[0-9]{1,2}(\.[0-9]{1,2})?"
Held = Annotated[
    str,
    StringConstraints(pattern=rf"^(ref|static|{ANGLE},{ANGLE},{ANGLE})$"),
    AfterValidator(lambda text: _in_range(text, pose=text)),
]
Pose = Held | Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Gaze = Annotated[
    str,
    StringConstraints(pattern=rf"^(auto|forward|{ANGLE},{ANGLE})$"),
    AfterValidator(lambda text: _in_range(text, gaze=text)),
]
Factor = Annotated[float, Field(ge=0, le=MOST)]
Blink = Literal["auto", "none"] | Factor
Background = Annotated[str, StringConstraints(pattern=r"^(keep|#[0-9a-fA-F]{6}|[0-9a-f]{32})$")]
# For people; never opened, never part of a name on the disk. Neither a path nor an address even so.
Name = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x20\x7f/\\:%<>|*?.~][^\x00-\x1f\x7f/\\:%<>|*?]{0,79}$")
]
Words = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x20\x7f/\\%<>|.~][^\x00-\x1f\x7f/\\%<>|]{0,499}$")
]
Label = Annotated[Words, StringConstraints(max_length=40)]
Seed = Annotated[int, Field(ge=0, lt=2**53)]  # what JSON carries exactly


class Request(BaseModel):
    """A body: every field known, no other."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CheckRequest(Request):
    """Is this clip fit for an avatar?"""

    clip: Id


class AdaptRequest(Request):
    """Make an avatar of the person in a clip. The consent of the person shown is part of the request."""

    clip: Id
    name: Name
    consent: Words
    licence: Words | None = None
    steps: Annotated[int, Field(ge=1, le=20_000)] | None = None
    budget_s: Annotated[int, Field(ge=10, le=86_400)] | None = None
    seed: Seed = 0


class SpeakingRequest(Request):
    """An avatar that speaks: what a video and a frame of it have in common."""

    avatar: Id
    audio: Id | None = None
    style_strength: Annotated[float, Field(ge=0, le=4)] | None = None
    mouth: Factor | None = None
    blink: Blink | None = None
    gaze: Gaze | None = None
    background: Background | None = None
    label: Label | None = None
    seed: Seed = 0


class RenderRequest(SpeakingRequest):
    """Make an avatar speak an upload (`audio`), or copy the face motion of one (`drive`)."""

    name: Name | None = None
    drive: Id | None = None
    style: Id | None = None
    pose: Pose | None = None
    drive_pose: Literal["relative", "absolute"] | None = None


class PreviewRequest(SpeakingRequest):
    """One frame of a render, `at` seconds from the beginning; without `audio` of the person's own clip."""

    at: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    pose: Held | None = None


class MotionRequest(Request):
    """Face motion as a Live Link Face CSV with ARKit's 52 shapes, of speech (`audio`) or of a clip."""

    name: Name | None = None
    audio: Id | None = None
    clip: Id | None = None
    style_strength: Annotated[float, Field(ge=0, le=4)] | None = None
    pose: Literal["ref", "static"] | None = None
    blink: Literal["auto", "none"] | None = None
    seed: Seed = 0
