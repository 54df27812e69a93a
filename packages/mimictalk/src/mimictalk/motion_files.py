"""Files that `track` and `motion` write."""

from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk.atomic import atomic_file
from mimictalk.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceCoeffs, FaceMotion, FaceTrack
    from talk_motion import MotionSequence

USD = (".usdc", ".usda")
SCENES = (".glb", *USD)  # the face itself in motion, for programs that show 3D
OF_TRACKS = (".csv", ".json", ".npz", ".safetensors", *SCENES)
OF_SPEECH = OF_TRACKS
VISEMES = "visemes"  # a .json whose name ends in it, before the suffix, holds visemes


def check_motion_file(path: Path, source: Path, suffixes: tuple[str, ...]) -> Path:
    """Refuse, before any work, a name that cannot be written.

    Raises:
        InputError: For another suffix, a folder, the input itself, or USD where usd-core is not installed.
    """
    if path.suffix.lower() not in suffixes:
        known = f"{', '.join(suffixes[:-1])} and {suffixes[-1]}"
        raise InputError(path, f"only {known} are written", "Choose a name that ends in one of them.")
    if path.is_dir():
        raise InputError(path, "it is a folder", "Give the name of a file.")
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(path, "it would overwrite its own input", "Choose another name with -o.")
    if path.suffix.lower() in USD:
        from face3dmm import require_usd

        require_usd(path)
    return path


def write_track(path: Path, track: "FaceTrack") -> None:
    """Write what was tracked, complete or not at all: .csv for Live Link Face, .json or .npz for its
    coefficients, .glb, .usdc or .usda for the face in motion, .safetensors for all of it."""
    from face3dmm import FaceMotion

    suffix = path.suffix.lower()
    with atomic_file(path) as temporary:
        if suffix == ".safetensors":
            track.save(temporary)
        else:
            _write_motion(temporary, suffix, FaceMotion(track.coeffs, track.fps, track.start))


def write_speech_motion(path: Path, motion: "MotionSequence", rest: "Tensor | None" = None) -> None:
    """Write a generated motion, complete or not at all: .csv for Live Link Face, .json or .npz for the
    coefficients as `track` writes them, .glb, .usdc or .usda for a face in motion, visemes.json or
    NAME.visemes.json for visemes, .safetensors for all.

    Args:
        path: The file.
        motion: What is written.
        rest: (64,) the person's resting face, of which visemes take no notice.
    """
    from face3dmm import FaceMotion
    from talk_motion.visemes import visemes_of

    suffix = path.suffix.lower()
    with atomic_file(path) as temporary:
        if suffix == ".safetensors":
            motion.save(temporary)
        elif suffix == ".json" and path.stem.lower().endswith(VISEMES):
            visemes_of(motion, rest).save(temporary)
        else:
            _write_motion(temporary, suffix, FaceMotion(_coeffs_of(motion), float(motion.fps)))


def _coeffs_of(motion: "MotionSequence") -> "FaceCoeffs":
    """A motion on nobody in particular."""
    import torch

    from face3dmm import FaceCoeffs

    seen = torch.ones(len(motion.expression))
    return FaceCoeffs(torch.zeros(80), motion.expression, motion.euler, motion.translation, motion.gaze, seen)


def _write_motion(path: Path, suffix: str, motion: "FaceMotion") -> None:
    import face3dmm

    if suffix == ".json":
        face3dmm.write_motion_json(path, motion)
        return
    if suffix == ".npz":
        face3dmm.write_motion_npz(path, motion)
        return
    model = face3dmm.FaceModel.open_face()
    if suffix == ".csv":
        face3dmm.write_live_link(path, face3dmm.arkit_motion(model, motion.coeffs, motion.fps))
        return
    face = face3dmm.animated_face(model, motion.coeffs, motion.fps)
    if suffix == ".glb":
        face3dmm.write_glb(path, face)
    else:
        face3dmm.write_usd(path, face, binary=suffix == ".usdc")
