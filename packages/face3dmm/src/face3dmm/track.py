"""What tracking gives: coefficients, landmarks and crop of a clip, and their file."""

import json
import os
from dataclasses import dataclass

import torch
from torch import Tensor

from face3dmm.errors import InputError
from face3dmm.files import read_limited, write_atomic
from face3dmm.seal import load_sealed, save_sealed

FORMAT = "face3dmm.FaceTrack.2"
MAX_BYTES = 4_000_000_000  # nearly two days
_COEFFS = ("identity", "expression", "euler", "translation", "gaze", "confidence")


@dataclass(frozen=True, eq=False)
class FaceCoeffs:
    """Face model coefficients of a clip of T frames.

    Attributes:
        identity: (80,) one for the whole clip, standard deviations.
        expression: (T, 64), first 52 in the order of `ARKIT_NAMES`, about 0 to 1; then 12 residuals.
        euler: (T, 3) pitch, yaw, roll in radians.
        translation: (T, 3) decimetres.
        gaze: (T, 2) pitch (down positive) and yaw (to the subject's left positive) in the head's frame,
            radians.
        confidence: (T,) 1 where seen, between where bridged over a short gap, 0 where not to be used.
    """

    identity: Tensor
    expression: Tensor
    euler: Tensor
    translation: Tensor
    gaze: Tensor
    confidence: Tensor

    def __post_init__(self) -> None:
        count = len(self.expression)
        wanted = (
            ("identity", (80,)),
            ("expression", (count, 64)),
            ("euler", (count, 3)),
            ("translation", (count, 3)),
            ("gaze", (count, 2)),
            ("confidence", (count,)),
        )
        for name, shape in wanted:
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"{name} must have shape {shape}, got {got}")

    def __len__(self) -> int:
        return len(self.expression)

    @property
    def segments(self) -> tuple[tuple[int, int], ...]:
        """Runs (first, one after last) of frames that may be used; gaps over 0.4 s lie between them."""
        return tuple(spans(self.confidence > 0))


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """A tracked clip.

    Attributes:
        coeffs: Face model coefficients, T frames.
        landmarks: (T, 478, 3) pixels of the 512 x 512 working picture (z: towards the back), never NaN; where
            `coeffs.confidence` is below 1 they were carried over from the frames around.
        face_box: (T, 4) x0, y0, x1, y1 of the face mesh in pixels of the working picture.
        source_hash: SHA-256 of the video file, hexadecimal; of the pixels for a single picture.
        crop: (x0, y0, side) of the working picture in pixels of the upright source.
        warnings: What was odd, in words.
        fps: Frames per second.
        start: Seconds from the beginning of the sound to frame 0 (see `VideoInfo.start`).
    """

    coeffs: FaceCoeffs
    landmarks: Tensor
    face_box: Tensor
    source_hash: str
    crop: tuple[int, int, int]
    warnings: tuple[str, ...] = ()
    fps: float = 25.0
    start: float = 0.0

    def __post_init__(self) -> None:
        count = len(self.coeffs)
        if tuple(self.landmarks.shape) != (count, 478, 3):
            raise ValueError(
                f"landmarks must have shape ({count}, 478, 3), got {tuple(self.landmarks.shape)}"
            )
        if tuple(self.face_box.shape) != (count, 4):
            raise ValueError(f"face_box must have shape ({count}, 4), got {tuple(self.face_box.shape)}")

    def __len__(self) -> int:
        return len(self.coeffs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one sealed safetensors file, atomically."""
        tensors = {name: getattr(self.coeffs, name) for name in _COEFFS}
        tensors |= {"landmarks": self.landmarks, "face_box": self.face_box}
        facts = {
            "source_hash": self.source_hash,
            "crop": self.crop,
            "warnings": self.warnings,
            "fps": self.fps,
            "start": self.start,
        }
        write_atomic(path, save_sealed(tensors, FORMAT, facts=json.dumps(facts, sort_keys=True)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "FaceTrack":
        """Read a track written by `save`.

        Raises:
            InputError: If the file is missing, cut short, altered, of a newer schema, or something else.
        """
        cure = "Give a file written by FaceTrack.save, or track the video again."
        tensors, metadata = load_sealed(path, read_limited(path, MAX_BYTES, cure), FORMAT, cure)
        try:
            facts = json.loads(metadata["facts"])
            return cls(
                FaceCoeffs(*(tensors[name] for name in _COEFFS)),
                tensors["landmarks"],
                tensors["face_box"],
                str(facts["source_hash"]),
                (int(facts["crop"][0]), int(facts["crop"][1]), int(facts["crop"][2])),
                tuple(str(text) for text in facts["warnings"]),
                float(facts["fps"]),
                float(facts["start"]),
            )
        except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
            raise InputError(path, f"it is no face track ({error})", cure) from error


def carried_over(values: Tensor, good: Tensor) -> Tensor:
    """Replace entries that are not good by linear interpolation between the good ones around them.

    Args:
        values: (T, ...).
        good: (T,) bool.

    Returns:
        (T, ...); before the first and after the last good entry, and with none at all, values are held or
        kept.
    """
    index = torch.nonzero(good).flatten()
    if len(index) in (0, len(good)):
        return values
    time = torch.arange(len(values))
    first = index[(torch.searchsorted(index, time, right=True) - 1).clamp(min=0)]
    last = index[torch.searchsorted(index, time).clamp(max=len(index) - 1)]
    share = ((time - first) / (last - first).clamp_min(1)).clamp(0, 1).to(values.dtype)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[first] * (1 - share) + values[last] * share


def spans(marked: Tensor) -> list[tuple[int, int]]:
    """Runs of True in (T,) bool as (first, one after last)."""
    padded = torch.nn.functional.pad(marked.to(torch.int8), (1, 1))
    edges = torch.nonzero(padded[1:] != padded[:-1]).flatten().tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
