"""What one person is to the published renderer, beside its weights."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from portrait3d.full.model import FullPortrait, Person, Surroundings

ALWAYS = ("planes", "canonical_pncc", "source_pncc")
AROUND = ("torso", "torso_mask", "background", "source_keypoints")


@dataclass(frozen=True)
class FullIdentity:
    """The static part of a person; of a head alone the last four are None.

    Attributes:
        planes: (3, C, R, R) or (3, C, D, R, R) canonical planes.
        canonical_pncc: (3, S, S) PNCC of the person at rest, in [-1, 1], S the side of the pictures.
        source_pncc: (3, S, S) PNCC of the source frame's expression.
        torso: (3, S, S) of the source frame in [-1, 1], made up under the head, else -1.
        torso_mask: (2, S, S) neck and clothes of the source frame in [0, 1].
        background: (3, S, S) in [-1, 1].
        source_keypoints: (K, 2) of the source frame in [-1, 1].
    """

    planes: Tensor
    canonical_pncc: Tensor
    source_pncc: Tensor
    torso: Tensor | None = None
    torso_mask: Tensor | None = None
    background: Tensor | None = None
    source_keypoints: Tensor | None = None

    def __post_init__(self) -> None:
        if self.planes.dim() not in (4, 5) or self.planes.shape[0] != 3:
            raise ValueError(
                f"FullIdentity.planes must be (3, C, R, R) or (3, C, D, R, R), got {tuple(self.planes.shape)}"
            )
        side = self.canonical_pncc.shape[-1]
        wanted = {"canonical_pncc": 3, "source_pncc": 3, "torso": 3, "torso_mask": 2, "background": 3}
        for name, channels in wanted.items():
            value = getattr(self, name)
            if value is not None and tuple(value.shape) != (channels, side, side):
                raise ValueError(
                    f"FullIdentity.{name} must be ({channels}, {side}, {side}), got {tuple(value.shape)}"
                )
        there = [name for name in AROUND if getattr(self, name) is not None]
        if len(there) not in (0, len(AROUND)):
            lacking = ", ".join(name for name in AROUND if name not in there)
            raise ValueError(f"FullIdentity has {', '.join(there)} but not {lacking}")

    @property
    def surroundings(self) -> Surroundings | None:
        """Torso and background with a batch of 1, as the model takes them."""
        if self.torso is None or self.torso_mask is None or self.background is None:
            return None
        assert self.source_keypoints is not None
        return Surroundings(
            self.torso[None], self.torso_mask[None], self.background[None], self.source_keypoints[None]
        )

    def person(self, model: FullPortrait) -> Person:
        """All that a model works out once for this person.

        Raises:
            ValueError: If the model draws a torso and this is a head alone.
        """
        return model.person(
            self.planes[None], self.canonical_pncc[None], self.source_pncc[None], self.surroundings
        )

    def tensors(self) -> dict[str, Tensor]:
        """Field name -> tensor, for safetensors."""
        return {name: value.detach().contiguous() for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "FullIdentity":
        """Read what `tensors` gave; other entries are ignored.

        Raises:
            ValueError: Naming each missing entry, or an entry of another shape.
        """
        missing = [name for name in ALWAYS if name not in tensors]
        if missing:
            raise ValueError(f"not an identity: {', '.join(missing)} missing")
        return cls(**{one.name: tensors[one.name].float() for one in fields(cls) if one.name in tensors})

    def with_background(self, background: Tensor) -> "FullIdentity":
        """The same person before another background, (3, S, S) in [-1, 1].

        Raises:
            ValueError: If this is a head alone, which stands before black.
        """
        if self.background is None:
            raise ValueError("a head alone has no background to change")
        return replace(self, background=background)

    def to(self, device: torch.device | str) -> "FullIdentity":
        """Move every tensor."""
        return FullIdentity(**{name: value.to(device) for name, value in self.tensors().items()})
