"""The networks that some measures are defined by, from the user's files, or what must be given."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk.manifest import sha256_file

if TYPE_CHECKING:
    from portrait3d.metrics.face_recognition import FaceRecognition
    from portrait3d.metrics.inception import Inception
    from portrait3d.metrics.lpips import Lpips

NEEDED = {
    "lpips": "needs outside weights: give --lpips FILE, AlexNet or VGG-16 with LPIPS 0.1's linear layers "
    "(in one file or two)",
    "fid": "needs outside weights: give --inception FILE, the Inception-v3 of FID (2015-12-05)",
    "csim": "needs outside weights: give --arcface FILE, ArcFace's PyTorch backbone",
}


@dataclass(frozen=True)
class Judges:
    """Loaded networks; None where no file was given.

    Attributes:
        files: Option to the name and sha256 of every file that was read.
    """

    lpips: "Lpips | None" = None
    inception: "Inception | None" = None
    recognition: "FaceRecognition | None" = None
    files: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    @classmethod
    def load(cls, lpips: tuple[Path, ...], inception: Path | None, arcface: Path | None) -> "Judges":
        """Read what was given.

        Raises:
            InputError: Of portrait3d, if a file is not what it is given as.
        """
        from portrait3d.metrics.face_recognition import FaceRecognition
        from portrait3d.metrics.inception import Inception
        from portrait3d.metrics.lpips import Lpips

        given = {"lpips": lpips, "inception": (inception,), "arcface": (arcface,)}
        return cls(
            Lpips.load(lpips) if lpips else None,
            Inception.load(inception) if inception else None,
            FaceRecognition.load(arcface) if arcface else None,
            {
                option: [{"name": file.name, "sha256": sha256_file(file)} for file in files if file]
                for option, files in given.items()
                if any(files)
            },
        )
