"""Files that `track` and `motion` write."""

from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk.atomic import atomic_file
from mimictalk.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceCoeffs, FaceTrack
    from talk_motion import MotionSequence

OF_TRACKS = (".csv", ".json", ".npz", ".safetensors")
OF_SPEECH = OF_TRACKS
VISEMES = "visemes"  # a .json whose name ends in it, before the suffix, holds visemes


def check_motion_file(path: Path, source: Path, suffixes: tuple[str, ...]) -> Path:
    """Refuse, before any work, a name that cannot be written.

    Raises:
        InputError: For another suffix, a folder, or the input itself.
    """
    if path.suffix.lower() not in suffixes:
        known = f"{', '.join(suffixes[:-1])} and {suffixes[-1]}"
        raise InputError(path, f"only {known} are written", "Choose a name that ends in one of them.")
    if path.is_dir():
        raise InputError(path, "it is a folder", "Give the name of a file.")
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(path, "it would overwrite its own input", "Choose another name with -o.")
    return path


def write_track(path: Path, track: "FaceTrack") -> None:
    """Write what was tracked, complete or not at all: .csv for Live Link Face, .json or .npz for its
    coefficients, .safetensors for all of it."""
    from face3dmm.motion_json import FaceMotion, write_motion_json, write_motion_npz

    suffix = path.suffix.lower()
    with atomic_file(path) as temporary:
        if suffix == ".csv":
            _write_live_link(temporary, track.coeffs, track.fps)
        elif suffix == ".json":
            write_motion_json(temporary, FaceMotion(track.coeffs, track.fps, track.start))
        elif suffix == ".npz":
            write_motion_npz(temporary, FaceMotion(track.coeffs, track.fps, track.start))
        else:
            track.save(temporary)


def write_speech_motion(path: Path, motion: "MotionSequence", rest: "Tensor | None" = None) -> None:
    """Write a generated motion, complete or not at all: .csv for Live Link Face, .json or .npz for the
    coefficients as `track` writes them, visemes.json or NAME.visemes.json for visemes, .safetensors for all.

    Args:
        path: The file.
        motion: What is written.
        rest: (64,) the person's resting face, of which visemes take no notice.
    """
    from talk_motion.visemes import visemes_of

    suffix = path.suffix.lower()
    with atomic_file(path) as temporary:
        if suffix == ".safetensors":
            motion.save(temporary)
        elif suffix == ".json" and path.stem.lower().endswith(VISEMES):
            visemes_of(motion, rest).save(temporary)
        else:
            _write_coeffs(temporary, suffix, motion)


def _write_coeffs(path: Path, suffix: str, motion: "MotionSequence") -> None:
    import torch

    from face3dmm import FaceCoeffs
    from face3dmm.motion_json import FaceMotion, write_motion_json, write_motion_npz

    seen = torch.ones(len(motion.expression))
    coeffs = FaceCoeffs(
        torch.zeros(80), motion.expression, motion.euler, motion.translation, motion.gaze, seen
    )
    if suffix == ".csv":
        _write_live_link(path, coeffs, float(motion.fps))
    elif suffix == ".json":
        write_motion_json(path, FaceMotion(coeffs, float(motion.fps)))
    else:
        write_motion_npz(path, FaceMotion(coeffs, float(motion.fps)))


def _write_live_link(path: Path, coeffs: "FaceCoeffs", fps: float) -> None:
    from face3dmm import FaceModel
    from face3dmm.arkit_weights import arkit_motion
    from face3dmm.live_link import write_live_link

    write_live_link(path, arkit_motion(FaceModel.open_face(), coeffs, fps))
