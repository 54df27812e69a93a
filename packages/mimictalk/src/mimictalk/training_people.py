"""Folders of training shards as the data set of the portrait model."""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError
from mimictalk.portrait_material import EYES, MOUTH
from mimictalk.training_shards import read_coefficients, read_shard

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from portrait3d.clip import PortraitClip
    from portrait3d.training.people import PersonFacts

STRIDE = 0.1  # expression units between neighbours where frames do not follow one another


class ShardPeople:
    """Every shard one person; pictures are read when they are needed. Satisfies `TrainingPeople`.

    Args:
        folders: Where the shards lie, all alike.
        pncc_size: Side of the PNCC pictures that the model takes.
        published_keypoints: How many key-points drive the torso, where it is that of `full`; None for those
            of `small`. Both are made of the shards' coefficients.

    Raises:
        InputError: If there is no shard.
    """

    def __init__(
        self, folders: Sequence[Path], pncc_size: int, published_keypoints: int | None = None
    ) -> None:
        self.paths = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
        if not self.paths:
            names = ", ".join(str(folder) for folder in folders)
            raise InputError(
                names, "no training shard is here", "Make some: mimictalk train prepare VIDEOS -o DIR"
            )
        self.pncc_size, self.published_keypoints = pncc_size, published_keypoints
        self.coefficients = lru_cache(maxsize=None)(self._coefficients)

    def __len__(self) -> int:
        return len(self.paths)

    def key(self) -> str:
        """Which data these are: the shards' names and sizes, hashed."""
        told = [[path.name, path.stat().st_size] for path in self.paths]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def facts(self, person: int) -> "PersonFacts":
        """What is known of a person's frames without reading a picture."""
        from portrait3d.training.people import PersonFacts

        known = self.coefficients(person)
        return PersonFacts(
            known["moment"], known["confidence"] > 0, known["euler"][:, 1], known["facts"]["consecutive"]
        )

    def load(self, person: int, frames: Sequence[int]) -> "PortraitClip":
        """Some frames of a person, in that order."""
        import torch

        from face3dmm import FaceModel, render_pncc
        from portrait3d.clip import PortraitClip

        content = read_shard(self.paths[person], frames)
        shard = {
            name: torch.from_numpy(value.copy()) if hasattr(value, "dtype") else value
            for name, value in content.items()
        }
        identity, size = shard["identity"], shard["frames"].shape[1]
        points = shard["landmarks"] / size
        return PortraitClip(
            frames=shard["frames"],
            head_mask=shard["head"],
            torso_mask=shard["torso"],
            pncc=render_pncc(
                FaceModel.open_face(), identity, shard["expression"], self.pncc_size, dtype=torch.uint8
            ),
            canonical_pncc=self.canonical(person),
            camera_to_world=shard["camera_to_world"],
            intrinsics=shard["intrinsics"],
            keypoints=self.keypoints(shard),
            focus=torch.stack([points[:, list(pair)].mean(1) for pair in (MOUTH, *EYES)], 1),
            opening=(points[:, MOUTH[0]] - points[:, MOUTH[1]]).norm(dim=-1),
            background=shard["plate"],
            confidence=shard["confidence"],
        )

    def keypoints(self, shard: "dict[str, Tensor]") -> "Tensor":
        """(T, K, 2) in [-1, 1]: what drives the torso in the frames of a shard."""
        from mimictalk.driving import published_torso_keypoints, torso_keypoints

        identity, pose = shard["identity"], (shard["euler"], shard["translation"])
        if self.published_keypoints is None:
            return torso_keypoints(identity, *pose)
        return published_torso_keypoints(identity, shard["expression"], *pose, self.published_keypoints)

    def canonical(self, person: int) -> "Tensor":
        """(3, P, P) uint8 PNCC of the person at rest."""
        import torch

        from face3dmm import FaceModel, render_pncc

        identity, rest = self.coefficients(person)["identity"], torch.zeros(1, 64)
        return render_pncc(FaceModel.open_face(), identity, rest, self.pncc_size, dtype=torch.uint8)[0]

    def motion_triplet(self, person: int, frame: int, generator: "torch.Generator") -> "Tensor":
        """PNCC of three expressions that follow one another: the frame's neighbours, or, where frames do not
        follow one another, a short straight way through the frame's expression in a random direction."""
        import torch

        from face3dmm import FaceModel, render_pncc

        known = self.coefficients(person)
        expression: Tensor = known["expression"]
        if known["facts"]["consecutive"] and len(expression) > 2:
            middle = min(max(frame, 1), len(expression) - 2)
            three = expression[middle - 1 : middle + 2]
        else:
            way = torch.randn(expression.shape[1], generator=generator) * STRIDE
            three = expression[frame] + way * torch.tensor([-1.0, 0.0, 1.0])[:, None]
        return render_pncc(FaceModel.open_face(), known["identity"], three, self.pncc_size)

    def _coefficients(self, person: int) -> dict[str, Any]:
        import torch

        return {
            name: torch.from_numpy(value.copy()) if hasattr(value, "dtype") else value
            for name, value in read_coefficients(self.paths[person]).items()
        }
