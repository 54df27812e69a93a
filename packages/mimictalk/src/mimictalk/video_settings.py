"""What `render` and `oneshot` have in common: the options that say how a person is to move and where."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from mimictalk.compute_device import check_device
from mimictalk.errors import InputError
from mimictalk.mark_settings import MarkSettings
from mimictalk.motion_controls import MotionControls, angles_in
from mimictalk.transparency import FORMS, check_transparent, picture_folder

POSES = ("ref", "static")
PIPE = Path("-")  # stdin as --audio, stdout as --out
SIZES = (256, 512)


@dataclass(frozen=True, kw_only=True)
class VideoSettings(MarkSettings):
    """How a video is to be made of a person. Exactly one of `audio` and `drive` is given.

    Attributes:
        audio: Speech to say; "-" is stdin, spoken while it arrives.
        audio_format: What comes through stdin: "wav", or "s16le" for bare 16 kHz mono samples.
        drive: Clip whose face motion is copied.
        out: The video to write; "-" is stdout, None a name made of person and input.
        style: Clip whose talking style is used instead of the person's own.
        style_strength: 0 for none of the style, 1 as it is, more to exaggerate.
        pose: "ref" (as the style's clip moves), "static", "YAW,PITCH,ROLL" in degrees, held throughout, or a
            clip whose head motion is used.
        drive_pose: "relative" puts the driver's usual pose on the person's, "absolute" takes it as tracked.
        mouth: Factor of how far the mouth moves, 0 to 2.
        blink: "auto", "none", or a factor of how far lids close, 0 to 2.
        gaze: "auto", "forward", or "YAW,PITCH" in degrees in the head's own frame.
        background: "keep", "#rrggbb" or a picture.
        transparent: Nothing is behind the person; `out` says in which form (see `transparency`).
        size: Side of the square picture, 256 or 512.
        seed: Of everything random.
        device: Where networks compute, see `chosen_device`.
    """

    COMMAND: ClassVar[str]
    WHO: ClassVar[str]
    OWN_STYLE: ClassVar[bool]  # whether the person may have a talking style of their own

    audio: Path | None = None
    audio_format: Literal["wav", "s16le"] = "wav"
    drive: Path | None = None
    out: Path | None = None
    style: Path | None = None
    style_strength: float = 1.0
    pose: str = "ref"
    drive_pose: Literal["relative", "absolute"] = "relative"
    mouth: float = 1.0
    blink: str = "auto"
    gaze: str = "auto"
    background: str = "keep"
    transparent: bool = False
    size: int = 512
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        both = "Give --audio SPEECH.wav, or --drive CLIP.mp4."
        if self.audio is None and self.drive is None:
            raise InputError(self.COMMAND, f"nothing says what the {self.WHO} should do", both)
        if self.audio is not None and self.drive is not None:
            raise InputError(self.COMMAND, "--audio and --drive exclude each other", both)
        held = angles_in(self.pose, 3) is not None
        if self.drive is not None and (self.style is not None or not (self.pose in POSES or held)):
            cause = "with --drive, style and head motion come from the driving clip"
            cure = "Leave out --style, and --pose CLIP, or use --audio."
            raise InputError(self.COMMAND, cause, cure)
        _ = self.controls
        check_device(self.device)
        check_size(self.size)
        if not 0 <= self.style_strength <= 4:
            raise InputError("--style-strength", f"{self.style_strength:g} is out of range", "Give 0 to 4.")
        if not 0 <= self.seed < 2**63:
            raise InputError("--seed", f"{self.seed} is out of range", "Give a whole number from 0.")
        if self.audio_format != "wav" and self.audio != PIPE:
            cause = "it says what comes through stdin, and nothing does"
            raise InputError("--audio-format", cause, "Leave it out, or use --audio -.")
        if self.transparent:
            check_transparent(self.out, self.background, PIPE in (self.out, self.audio))
        elif self.out is not None and self.out != PIPE and self.out.suffix.lower() != ".mp4":
            raise InputError(self.out, "only mp4 is written", "Choose a name that ends in .mp4.")

    @property
    def controls(self) -> MotionControls:
        """What is changed of a motion before it is drawn.

        Raises:
            InputError: If an option is out of its range or no such thing.
        """
        return MotionControls.of(mouth=self.mouth, blink=self.blink, gaze=self.gaze, pose=self.pose)

    @property
    def pose_clip(self) -> Path | None:
        """The clip whose head motion is used; None where `pose` says something else."""
        said = self.pose in POSES or self.controls.head is not None
        return None if said else Path(self.pose)

    @property
    def form(self) -> Literal["mp4", "webm", "mov", "png"]:
        """What is written; "png" is a sequence of pictures."""
        if not self.transparent:
            return "mp4"
        return "webm" if self.out is None else FORMS[self.out.suffix.lower()]

    @property
    def driver(self) -> Path:
        """The file that drives, sound or clip."""
        driver = self.audio if self.audio is not None else self.drive
        assert driver is not None
        return driver

    @property
    def inputs(self) -> list[Path]:
        """Every file that the options may name."""
        named = [self.audio, self.drive, self.style, Path(self.pose), Path(self.background)]
        named += [self.c2pa_cert, self.c2pa_key]
        return [path for path in named if path is not None and path != PIPE]

    @property
    def media(self) -> list[Path]:
        """Every video and sound file among the inputs."""
        pose = self.pose_clip
        named = [self.driver, self.style, pose if pose is not None and pose.exists() else None]
        return [path for path in named if path is not None and path != PIPE]

    def output(self, name: str) -> Path:
        """Where to write, `name` being the person's; never over an input or a folder.

        A sequence of pictures is the folder that holds them.

        Raises:
            InputError: If that is a folder, or an input, or for pictures a folder with something in it.
        """
        if self.out == PIPE:
            return PIPE
        said = "live" if self.driver == PIPE else self.driver.stem
        out = self.out or Path(f"{name}-{said}{'.webm' if self.transparent else '.mp4'}")
        if self.form == "png":
            return picture_folder(out)
        if out.is_dir():
            raise InputError(out, "it is a folder", "Give the name of a video, such as out.mp4.")
        if out.exists() and any(path.exists() and path.samefile(out) for path in self.inputs):
            raise InputError(out, "the video would overwrite its own input", "Choose another name with -o.")
        return out


def check_size(size: int) -> None:
    """Refuse pictures of another size than can be drawn.

    Raises:
        InputError: If it is none of `SIZES`.
    """
    if size not in SIZES:
        raise InputError("--size", f"{size} is no size of a picture", "Give 256 or 512.")
