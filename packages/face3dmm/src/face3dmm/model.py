"""The linear face model: a mean shape, 80 identity and 64 expression directions on one mesh."""

import hashlib
import json
import os
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch import Tensor

from face3dmm.errors import InputError
from face3dmm.files import write_atomic

IDENTITY_SIZE = 80
EXPRESSION_SIZE = 64
LANDMARKS = 468
FORMAT = "face3dmm.FaceModel.1"


@dataclass(frozen=True, eq=False)
class FaceModel:
    """Vertices = mean + identity_basis @ identity + expression_basis @ expression, in decimetres.

    Axes as in docs/conventions.md: x to the subject's left, y up, z out of the face. Identity is in standard
    deviations; so is expression, but for the leading numbers of a model that has ARKIT shapes.

    In the open face model the first 468 vertices are the MediaPipe face mesh; what follows is a smooth shell
    of skull and neck. Its first 52 expression numbers are `ARKIT_NAMES` from 0 (rest) to 1 (full).

    Attributes:
        mean: (V, 3) neutral face, mouth closed, eyes open.
        identity_basis: (V, 3, 80).
        expression_basis: (V, 3, 64).
        faces: (F, 3) int64, counter-clockwise seen from outside.
        face_region: (F,) bool, true for triangles that PNCC shows: the face without eyes and inner mouth.
        ncc: (V, 3) normalised coordinates of the mean shape, in [0, 1] per axis.
        landmarks_468: (468,) vertex of each MediaPipe landmark.
        landmarks_68: (68,) vertex of each iBUG-68 landmark.
        known_468: (468,) bool, false for landmarks that this mesh has no vertex for.
        mirror: (V,) vertex at, or nearest to, the mirror image in x.
        inner_lips, outer_lips: (20,) closed loops from the right corner along the upper lip and back along
            the lower.
        left_eye, right_eye: (16,) closed lid loops from the outer corner along the upper lid and back.
        face_oval: (36,) the rim of the face mesh.
        eyeballs: (2, 4) centre and radius of the left and the right eyeball.
        named: () int64, how many of the leading expression numbers are `ARKIT_NAMES`: 52, or 0.
    """

    mean: Tensor
    identity_basis: Tensor
    expression_basis: Tensor
    faces: Tensor
    face_region: Tensor
    ncc: Tensor
    landmarks_468: Tensor
    landmarks_68: Tensor
    known_468: Tensor
    mirror: Tensor
    inner_lips: Tensor
    outer_lips: Tensor
    left_eye: Tensor
    right_eye: Tensor
    face_oval: Tensor
    eyeballs: Tensor
    named: Tensor

    def __post_init__(self) -> None:
        count = len(self.mean)
        wanted = {
            "mean": (count, 3),
            "identity_basis": (count, 3, IDENTITY_SIZE),
            "expression_basis": (count, 3, EXPRESSION_SIZE),
            "faces": (len(self.faces), 3),
            "face_region": (len(self.faces),),
            "ncc": (count, 3),
            "landmarks_468": (LANDMARKS,),
            "landmarks_68": (68,),
            "known_468": (LANDMARKS,),
            "named": (),
            "mirror": (count,),
            "eyeballs": (2, 4),
        }
        for name, shape in wanted.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"{name} must have shape {shape}, got {got}")
        loops = ("inner_lips", "outer_lips", "left_eye", "right_eye", "face_oval")
        for name in ("faces", "landmarks_468", "landmarks_68", "mirror", *loops):
            index = getattr(self, name)
            if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < count:
                raise ValueError(
                    f"{name} must lie in [0, {count}), got {int(index.min())}..{int(index.max())}"
                )

    @classmethod
    def open_face(cls) -> "FaceModel":
        """The model that ships with this package (built by tools/open_face); loaded once, read only."""
        return _open_face()

    @classmethod
    def from_bfm2009(cls, folder: str | os.PathLike[str]) -> "FaceModel":
        """The Basel Face Model 2009 in the cut of Deep3DFaceRecon: see `read_bfm2009`."""
        from face3dmm.bfm2009 import read_bfm2009

        return read_bfm2009(Path(folder))

    @classmethod
    def from_ict_facekit(cls, folder: str | os.PathLike[str]) -> "FaceModel":
        """ICT-FaceKit's light model (MIT licence), from its repository's folder: see `read_ict_facekit`."""
        from face3dmm.ict_facekit import read_ict_facekit

        return read_ict_facekit(Path(folder))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "FaceModel":
        """Read a model written by `save`; half-precision bases are widened to float32.

        Raises:
            InputError: If the file is missing, damaged, or holds something else.
        """
        from safetensors import SafetensorError, safe_open

        cure = "Give a file written by FaceModel.save."
        try:
            with safe_open(str(path), framework="pt") as file:
                form = (file.metadata() or {}).get("format")
                if form != FORMAT:
                    raise InputError(path, f"format is {form!r}, not {FORMAT!r}", cure)
                old = {"known_468": torch.ones(LANDMARKS, dtype=torch.bool), "named": torch.tensor(52)}
                held = set(file.keys())
                tensors = {
                    field.name: old[field.name]
                    if field.name in old and field.name not in held
                    else file.get_tensor(field.name)
                    for field in fields(cls)
                }
            return cls(**{name: t.float() if t.is_floating_point() else t for name, t in tensors.items()})
        except InputError:
            raise
        except (OSError, SafetensorError, ValueError) as error:
            raise InputError(path, f"not a face model ({error})", cure) from error

    def save(self, path: str | os.PathLike[str], *, source: str = "") -> None:
        """Write one safetensors file, atomically. The bases are stored in half precision (relative error
        0.0005).

        Args:
            path: File to write or replace.
            source: A line on where the model comes from, kept in the file's metadata.
        """
        from safetensors.torch import save

        tensors = {field.name: getattr(self, field.name).contiguous() for field in fields(self)}
        for name in ("identity_basis", "expression_basis"):
            tensors[name] = tensors[name].half()
        payload = save(tensors, {"format": FORMAT, "source": source, "units": json.dumps({"length": "dm"})})
        write_atomic(path, payload)

    def vertices(self, identity: Tensor, expression: Tensor) -> Tensor:
        """Shape of a face in model units.

        Args:
            identity: (..., 80) standard deviations.
            expression: (..., 64); leading axes broadcast with identity's.

        Returns:
            (..., V, 3) in decimetres. Differentiable.
        """
        offset = identity @ self.identity_basis.flatten(0, 1).T
        offset = offset + expression @ self.expression_basis.flatten(0, 1).T
        return self.mean + offset.unflatten(-1, (len(self.mean), 3))

    def to(self, device: str | torch.device) -> "FaceModel":
        """Copy on another device."""
        return FaceModel(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@cache
def _open_face() -> FaceModel:
    folder = files("face3dmm") / "data"
    with as_file(folder / "open_face.safetensors") as path, as_file(folder / "open_face.json") as card:
        cure = "Reinstall face3dmm."
        try:
            wanted, found = json.loads(card.read_bytes())["sha256"], hashlib.sha256(path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(path, f"its sha256 on record cannot be read ({error})"[:200], cure) from error
        if found.hexdigest() != wanted:
            raise InputError(path, "its sha256 differs from open_face.json: the file is damaged", cure)
        return FaceModel.load(path)
