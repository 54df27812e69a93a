"""The options of every command that makes a video: each has one name, one meaning, one help."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Option


class DrivePose(StrEnum):
    relative = "relative"
    absolute = "absolute"


class AudioFormat(StrEnum):
    wav = "wav"
    s16le = "s16le"


class Blink(StrEnum):
    auto = "auto"
    none = "none"


POSE_HELP = "Head motion; angles in degrees, within 20,12,15, are held."
GAZE_HELP = "Where the eyes look; degrees from the head's front, within 20,6."

Audio = Annotated[Path | None, Option(metavar="FILE", help="Speech to say; - for stdin, live.")]
AudioFormatOption = Annotated[AudioFormat, Option(help="Of stdin; s16le is bare, 16 kHz, mono.")]
Drive = Annotated[Path | None, Option(metavar="CLIP", help="Copy the face motion of this clip.")]
Style = Annotated[Path | None, Option(metavar="CLIP", help="Talk in the style of this clip.")]
StyleStrength = Annotated[float, Option(help="0 no style, 1 as it is, up to 4.")]
Pose = Annotated[str, Option(metavar="ref|static|YAW,PITCH,ROLL|CLIP", help=POSE_HELP)]
DrivePoseOption = Annotated[DrivePose, Option(help="Head pose, with --drive.")]
Mouth = Annotated[float, Option(help="How far the mouth moves: 0 rest, 1 as it is, up to 2.")]
BlinkOption = Annotated[str, Option(metavar="auto|none|FACTOR", help="Blinks; FACTOR of closing, 0 to 2.")]
Gaze = Annotated[str, Option(metavar="auto|forward|YAW,PITCH", help=GAZE_HELP)]
Background = Annotated[str, Option(metavar="keep|#rrggbb|PICTURE", help="What is behind the person.")]
Transparent = Annotated[
    bool, Option("--transparent", help="Nothing behind: NAME.webm, NAME.mov, a folder or name_%05d.png.")
]
Size = Annotated[int, Option(help="Side of the picture, 256 or 512.")]
Label = Annotated[str | None, Option(metavar="[TEXT]", help="Show words in a corner [AI-generated].")]
NoWatermark = Annotated[str | None, Option(metavar="REASON", help="No watermark; the file says why.")]
NoProvenance = Annotated[str | None, Option(metavar="REASON", help="No C2PA manifest; the file says why.")]
C2paCert = Annotated[Path | None, Option(metavar="PEM", help="Certificates to sign with, signer first.")]
C2paKey = Annotated[Path | None, Option(metavar="PEM", help="The private key that belongs to them.")]
Device = Annotated[
    str, Option(metavar="cpu|auto|cuda|cuda:N", help="Where networks compute; auto: a GPU if there is one.")
]
Weights = Annotated[
    Path | None, Option(metavar="DIR", help="Preset full: weights made by `mimictalk weights import`.")
]
FaceModelFolder = Annotated[
    Path | None, Option("--face-model", metavar="DIR", help="Preset full: the Basel Face Model's files.")
]
Seed = Annotated[int, Option(help="Same input and seed: same video.")]
