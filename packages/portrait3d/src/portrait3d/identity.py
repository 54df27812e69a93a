"""What one person is, beside the network: planes, torso and background layers, the source frame."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

LAYERS = ("planes", "torso", "background", "canonical_pncc", "source_pncc", "source_keypoints")
GUIDE = "guide."  # before the names of the guide's values in a file


@dataclass(frozen=True)
class Identity:
    """The static part of a person.

    Attributes:
        planes: (3, C, R, R) canonical tri-plane.
        torso: (4, S, S) colour in [-1, 1] and alpha in [0, 1] of the source frame's torso, extended
            under the head.
        background: (3, S, S) in [-1, 1].
        canonical_pncc: (3, P, P) PNCC of the person at rest, in [-1, 1].
        source_pncc: (3, P, P) PNCC of the source frame's expression.
        source_keypoints: (K, 2) the torso's driving key-points in the source frame, [-1, 1].
        guide: Values of the person's `PosedGuide` by name; None for a person without.
    """

    planes: Tensor
    torso: Tensor
    background: Tensor
    canonical_pncc: Tensor
    source_pncc: Tensor
    source_keypoints: Tensor
    guide: dict[str, Tensor] | None = None

    def __post_init__(self) -> None:
        wanted = {"planes": 4, "torso": 3, "background": 3, "canonical_pncc": 3, "source_pncc": 3}
        for name, dims in wanted.items():
            got = getattr(self, name).shape
            if len(got) != dims:
                raise ValueError(f"Identity.{name} must have {dims} dimensions, got shape {tuple(got)}")
        if self.planes.shape[0] != 3:
            raise ValueError(f"Identity.planes must be (3, C, R, R), got shape {tuple(self.planes.shape)}")
        if self.torso.shape[0] != 4 or self.background.shape[0] != 3:
            raise ValueError(
                f"Identity needs torso (4, S, S) and background (3, S, S), "
                f"got {tuple(self.torso.shape)} and {tuple(self.background.shape)}"
            )

    def tensors(self) -> dict[str, Tensor]:
        """Field name -> tensor, for safetensors."""
        every = {name: getattr(self, name) for name in LAYERS}
        every |= {GUIDE + name: value for name, value in (self.guide or {}).items()}
        return {name: value.detach().contiguous() for name, value in every.items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "Identity":
        """Read what `tensors` gave; other entries are ignored.

        Raises:
            ValueError: Naming each missing entry.
        """
        missing = [name for name in LAYERS if name not in tensors]
        if missing:
            raise ValueError(f"not an identity: {', '.join(missing)} missing")
        guide = {n.removeprefix(GUIDE): value.float() for n, value in tensors.items() if n.startswith(GUIDE)}
        return cls(**{name: tensors[name].float() for name in LAYERS}, guide=guide or None)

    def with_background(self, background: Tensor) -> "Identity":
        """The same person before another background, (3, S, S) in [-1, 1]."""
        return replace(self, background=background)

    def to(self, device: torch.device | str) -> "Identity":
        """Move every tensor."""
        guide = self.guide and {name: value.to(device) for name, value in self.guide.items()}
        return Identity(**{name: getattr(self, name).to(device) for name in LAYERS}, guide=guide)
