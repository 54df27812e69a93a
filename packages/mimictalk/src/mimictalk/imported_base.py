"""What the preset `full` stands on and no package brings: imported weights and the Basel Face Model."""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk.base_weights import installed
from mimictalk.errors import InputError

if TYPE_CHECKING:
    from face3dmm import FaceModel
    from portrait3d.full.config import FullConfig
    from portrait3d.full.model import FullPortrait

IMPORTED = "imported/"  # before the names of such weights in an avatar's manifest
GUIDE = "docs/guides/published-weights.md"


@dataclass(frozen=True, eq=False)
class ImportedBase:
    """Imported weights and the face model that their pictures were drawn with.

    Attributes:
        weights: Folder that `mimictalk weights import` wrote.
        config: Of the weights.
        face_model: Read from the user's files.
        hashes: "imported/<what>" to sha256, for the manifest of an avatar.
    """

    weights: Path
    config: "FullConfig"
    face_model: "FaceModel"
    hashes: dict[str, str]

    @classmethod
    def load(cls, weights: Path, face_model: Path) -> "ImportedBase":
        """Read the face model and what is on record of the weights, which are read by `portrait` alone.

        Args:
            weights: Folder that `mimictalk weights import` wrote.
            face_model: Folder with the files that `FaceModel.from_bfm2009` names.

        Raises:
            InputError: If a folder does not hold that (of the library that noticed).
        """
        from face3dmm import FaceModel
        from portrait3d.full.config import FullConfig
        from portrait3d.full.storage import MODEL, read_card

        card = read_card(weights)
        face = FaceModel.from_bfm2009(face_model)
        hashes = {
            f"{IMPORTED}{MODEL}": str(card["files"][MODEL]["sha256"]),
            f"{IMPORTED}face_model": face_model_sha256(face),
        }
        return cls(weights, FullConfig(**card["config"]), face, hashes)

    def stands_on(self) -> dict[str, str]:
        """Name to sha256 of all that an avatar of this base stands on, what follows faces included."""
        own = {name: sha256 for name, sha256 in installed().items() if name.startswith("face3dmm/")}
        return own | self.hashes

    def portrait(self) -> "FullPortrait":
        """The renderer, folded.

        Raises:
            InputError: If the file of weights is not the one on record (of `portrait3d`).
        """
        from portrait3d.full.storage import load_portrait

        return load_portrait(self.weights)[0]


def given_base(weights: Path | None, face_model: Path | None, *, needed_by: str = "") -> ImportedBase | None:
    """The base that options name; None where they name none.

    Args:
        weights: `--weights`.
        face_model: `--face-model`.
        needed_by: What cannot do without, in words; empty where it can.

    Raises:
        InputError: If only one of them is given, or none where they are needed.
    """
    if weights is not None and face_model is not None:
        return ImportedBase.load(weights, face_model)
    if weights is None and face_model is None and not needed_by:
        return None
    missing = [
        name for name, given in (("--weights", weights), ("--face-model", face_model)) if given is None
    ]
    both = "Give --weights DIR and --face-model DIR"
    raise InputError(
        needed_by or "--weights, --face-model", f"{' and '.join(missing)} missing", f"{both}: {GUIDE}"
    )


def refuse_transparent(transparent: bool) -> None:
    """Refuse to draw with such a base before nothing.

    Raises:
        InputError: If that is asked for.
    """
    if transparent:
        cause = "the preset full draws person and background in one network: nothing can be cut out"
        raise InputError("--transparent", cause, "Leave it out, or use the preset small.")


def face_model_sha256(model: "FaceModel") -> str:
    """sha256 over the tensors of a face model."""
    digest = hashlib.sha256()
    for field in fields(model):
        digest.update(field.name.encode())
        digest.update(getattr(model, field.name).contiguous().numpy().tobytes())
    return digest.hexdigest()
