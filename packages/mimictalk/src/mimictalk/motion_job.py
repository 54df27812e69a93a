"""Speech to a motion file, in memory that does not grow with the speech."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mimictalk.console import Console, Progress
from mimictalk.errors import InputError
from mimictalk.motion_files import OF_SPEECH, check_motion_file, write_speech_motion
from mimictalk.motion_sources import style_prompt
from mimictalk.speaking import speak
from mimictalk.tracked_motion import repeat_there_and_back, track_for
from mimictalk.video_settings import POSES

if TYPE_CHECKING:
    from talk_motion import MotionSequence


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """What is to be said how; options mean what they mean in `render`.

    Attributes:
        audio: Sound or video file with speech.
        out: The file to write; None for a .csv named after the speech.
        style: Clip whose talking style is used; None for an average one.
        style_strength: 0 for none of the style, 1 as it is, up to 4.
        pose: "ref" (as the style's clip moves), "static", or a clip whose head motion is used.
        blink: "auto" or "none".
        temperature: 0 for the mean motion, up to 2 for more variety.
        seed: Of everything random.
    """

    audio: Path
    out: Path | None = None
    style: Path | None = None
    style_strength: float = 1.0
    pose: str = "ref"
    blink: Literal["auto", "none"] = "auto"
    temperature: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for option, value, most in (
            ("--style-strength", self.style_strength, 4),
            ("--temperature", self.temperature, 2),
        ):
            if not 0 <= value <= most:
                raise InputError(option, f"{value:g} is out of range", f"Give 0 to {most}.")
        if not 0 <= self.seed < 2**63:
            raise InputError("--seed", f"{self.seed} is out of range", "Give a whole number from 0.")
        if self.pose not in POSES and not Path(self.pose).exists():
            cure = f"Give {', '.join(POSES)} or the name of a clip."
            raise InputError("--pose", f"{self.pose!r} is neither a way to move nor a clip", cure)

    @property
    def target(self) -> Path:
        """Where to write.

        Raises:
            InputError: For a name that cannot be written.
        """
        out = self.out if self.out is not None else Path(f"{self.audio.stem}.csv")
        return check_motion_file(out, self.audio, OF_SPEECH)


def make_motion(settings: MotionSettings, console: Console) -> dict[str, Any]:
    """Turn speech into face motion and write it; what was written, for the user.

    Raises:
        InputError: If an input cannot be used.
    """
    from talk_motion.generation import Speaking
    from talk_motion.rest import rest_mouth
    from talk_motion.spool import MotionSpool

    target = settings.target
    with console.progress() as progress, MotionSpool() as spool:
        prompt = style_prompt(settings.style, console, progress) if settings.style is not None else None
        speaking = Speaking(
            style_strength=settings.style_strength,
            temperature=settings.temperature,
            seed=settings.seed,
            pose="ref" if settings.pose == "ref" else "static",
            blink=settings.blink,
        )
        model = speak(settings.audio, prompt, speaking, spool, console, progress)
        motion = spool.motion()
        if settings.pose not in POSES:
            motion = _with_pose_of(Path(settings.pose), motion, console, progress)
        rest = rest_mouth(prompt.motion.expression, model.space.gap) if prompt is not None else None
        write_speech_motion(target, motion, rest)
        seconds = spool.frames / float(motion.fps)
        return {"file": str(target), "frames": spool.frames, "seconds": seconds, "fps": float(motion.fps)}


def _with_pose_of(
    path: Path, motion: "MotionSequence", console: Console, progress: Progress
) -> "MotionSequence":
    """The motion with the head of a clip, where it was in that clip."""
    track = track_for(path, progress)
    for warning in track.warnings:
        console.warn(f"{path.name}: {warning}")
    frames = len(motion.expression)
    return replace(
        motion,
        euler=repeat_there_and_back(track.coeffs.euler, frames),
        translation=repeat_there_and_back(track.coeffs.translation, frames),
    )
