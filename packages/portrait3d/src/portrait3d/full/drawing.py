"""Finished frames of one person by the published renderer, one after another."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from portrait3d.full.clip_size import resized
from portrait3d.full.folding import fold
from portrait3d.full.identity import FullIdentity
from portrait3d.full.model import FullPortrait
from portrait3d.model import to_picture
from portrait3d.precision import network_dtype

Drive = tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]


class FullRenderer:
    """Draws frames as `portrait3d.drawing.PortraitRenderer` does; what does not change is computed once.

    Args:
        model: With the person's LoRA merged in. It is folded in place (`fold`), not copied: it is large.
        identity: The person, on the model's device.
        precision: Of super-resolution, torso and background, see `FullPortrait.forward`.
        size: Side of the pictures; the model's own are resized to it. None for the model's.

    Raises:
        ValueError: If `precision` is unknown, `size` no side, or model and person do not fit each other.
    """

    @torch.inference_mode()
    def __init__(
        self, model: FullPortrait, identity: FullIdentity, precision: str = "auto", size: int | None = None
    ) -> None:
        own = model.config.picture_size
        if size is not None and size < 1:
            raise ValueError(f"size must be at least 1, got {size!r}")
        if identity.canonical_pncc.shape[-1] != own:
            learned_at = identity.canonical_pncc.shape[-1]
            raise ValueError(f"the model draws pictures of {own}, the person was learned at {learned_at}")
        self.device = identity.planes.device
        network_dtype(precision, self.device)
        self.model, self.precision, self.size = fold(model.eval()), precision, size or own
        self.person = identity.person(self.model)

    @property
    def pncc_sizes(self) -> tuple[int, None]:
        """Sides of the PNCC and of the posed PNCC that drive a frame; there is none of the latter here."""
        return self.model.config.picture_size, None

    @torch.inference_mode()
    def frame(
        self,
        pncc: Tensor,
        camera_to_world: Tensor,
        intrinsics: Tensor,
        keypoints: Tensor,
        posed: Tensor | None = None,
    ) -> Tensor:
        """Draw one frame; what drives it may lie on any device.

        Args:
            pncc: (3, S, S) PNCC of the wanted expression in [-1, 1], in the convention of `face3dmm.FULL`.
            camera_to_world: (4, 4).
            intrinsics: (3, 3), normalised.
            keypoints: (K, 2 or 3) the torso's driving key-points in [-1, 1].
            posed: Not looked at.

        Returns:
            (size, size, 3) uint8.
        """
        given = (part.to(self.device)[None] for part in (pncc, camera_to_world, intrinsics, keypoints))
        drawn = self.model(self.person, *given, precision=self.precision).picture
        return to_picture(resized(drawn * 0.5 + 0.5, self.size)[0])

    def frames(self, drives: Iterable[Drive]) -> Iterator[Tensor]:
        """Draw a stream of (pncc, camera_to_world, intrinsics, keypoints, posed), one after another.

        A frame is large enough to keep all cores at work, and several at a time need memory for each.

        Yields:
            (size, size, 3) uint8, in order.
        """
        return (self.frame(*drive) for drive in drives)
