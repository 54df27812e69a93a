"""`render`: an avatar and a sound, or a driving clip, in; a marked mp4 out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimictalk import __version__
from mimictalk.avatar import Avatar
from mimictalk.background import load_background
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.marks import Mark, now
from mimictalk.state import last_avatar

if TYPE_CHECKING:
    from talk_motion import MotionSequence

POSES = ("ref", "static")


@dataclass(frozen=True)
class RenderSettings:
    """What `render` is asked to do. Exactly one of `audio` and `drive` is given.

    Attributes:
        avatar: Folder; None takes the one adapted last.
        audio: Speech to say.
        drive: Clip whose face motion is copied.
        out: The video to write; None for a name made of avatar and input.
        style: Clip whose talking style is used instead of the avatar's own.
        style_strength: 0 for none of the style, 1 as it is, more to exaggerate.
        pose: "ref" (as the style's clip moves), "static", or a clip whose head motion is used.
        drive_pose: "relative" puts the driver's usual pose on the avatar's, "absolute" takes it as tracked.
        blink: "auto" or "none".
        background: "keep", "#rrggbb" or a picture.
        seed: Of everything random.
    """

    avatar: Path | None = None
    audio: Path | None = None
    drive: Path | None = None
    out: Path | None = None
    style: Path | None = None
    style_strength: float = 1.0
    pose: str = "ref"
    drive_pose: Literal["relative", "absolute"] = "relative"
    blink: Literal["auto", "none"] = "auto"
    background: str = "keep"
    seed: int = 0

    def __post_init__(self) -> None:
        both = "Give --audio SPEECH.wav, or --drive CLIP.mp4."
        if self.audio is None and self.drive is None:
            raise InputError("mimictalk render", "nothing says what the avatar should do", both)
        if self.audio is not None and self.drive is not None:
            raise InputError("mimictalk render", "--audio and --drive exclude each other", both)
        if self.drive is not None and (self.style is not None or self.pose != "ref" or self.blink != "auto"):
            cause = "with --drive, style, pose and blinks come from the driving clip"
            raise InputError(
                "mimictalk render", cause, "Leave out --style, --pose and --blink, or use --audio."
            )
        if not 0 <= self.style_strength <= 4:
            raise InputError("--style-strength", f"{self.style_strength:g} is out of range", "Give 0 to 4.")
        if not 0 <= self.seed < 2**63:
            raise InputError("--seed", f"{self.seed} is out of range", "Give a whole number from 0.")
        if self.out is not None and self.out.suffix.lower() != ".mp4":
            raise InputError(self.out, "only mp4 is written", "Choose a name that ends in .mp4.")

    @property
    def driver(self) -> Path:
        """The file that drives, sound or clip."""
        driver = self.audio if self.audio is not None else self.drive
        assert driver is not None
        return driver


def render_avatar(settings: RenderSettings, console: Console) -> dict[str, Any]:
    """Render one video; returns its facts for `--json`."""
    avatar = Avatar.load(settings.avatar if settings.avatar is not None else last_avatar())
    out = _output(settings, avatar)
    background = load_background(settings.background)
    console.how_to_go_on = "No video was written; run the same command to start again."
    from mimictalk.motion_sources import motion_from_audio, motion_from_clip
    from mimictalk.rendering import load_renderer
    from mimictalk.sound import has_sound, read_sound
    from mimictalk.video_writer import VideoWriter

    with console.progress() as progress:
        if settings.audio is not None:
            motion = motion_from_audio(avatar, settings, console, progress)
        else:
            motion = motion_from_clip(avatar, settings, console, progress)
        total = len(motion.expression)
        sound = read_sound(settings.driver) if has_sound(settings.driver) else None
        mark = Mark(f"mimictalk {__version__}", avatar.sha256, "audio" if settings.audio else "video", now())
        renderer = load_renderer(avatar, background=background)
        leader: Literal["sound", "picture"] = "sound" if settings.audio is not None else "picture"
        with VideoWriter(out, sound, leader=leader, metadata=mark.as_metadata()) as writer:
            for index, frame in enumerate(renderer.frames(motion)):
                writer.write(frame)
                progress("render", index + 1, total, {})
    return _facts(out, avatar, writer.frames, motion)


def _facts(out: Path, avatar: Avatar, frames: int, motion: "MotionSequence") -> dict[str, Any]:
    return {
        "video": str(out),
        "frames": frames,
        "seconds": frames / float(motion.fps),
        "fps": float(motion.fps),
        "avatar": str(avatar.path),
        "avatar_sha256": avatar.sha256,
    }


def _output(settings: RenderSettings, avatar: Avatar) -> Path:
    """Where to write; never over an input or a folder."""
    out = settings.out or Path(f"{avatar.name}-{settings.driver.stem}.mp4")
    if out.is_dir():
        raise InputError(out, "it is a folder", "Give the name of a video, such as out.mp4.")
    inputs = [settings.audio, settings.drive, settings.style, Path(settings.pose), Path(settings.background)]
    if out.exists() and any(path is not None and path.exists() and path.samefile(out) for path in inputs):
        raise InputError(out, "the video would overwrite its own input", "Choose another name with -o.")
    return out
