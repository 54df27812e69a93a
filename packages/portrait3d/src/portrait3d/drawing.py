"""Finished frames of one person, one after another."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from portrait3d.identity import Identity
from portrait3d.model import Portrait3D, to_picture


class PortraitRenderer:
    """Draws frames; what does not change between frames is computed once.

    Args:
        model: With the person's LoRA merged in.
        identity: The person.
    """

    def __init__(self, model: Portrait3D, identity: Identity) -> None:
        self.model, self.identity = model.eval(), identity
        self.planes = self._resting_planes()

    @torch.inference_mode()
    def _resting_planes(self) -> Tensor:
        """Canonical planes less the adapter's answer to rest, which is the same for every frame."""
        person, adapter = self.identity, self.model.motion_adapter
        if not self.model.config.adapter_from_rest:
            return person.planes[None]
        canonical, source = person.canonical_pncc[None], person.source_pncc[None]
        return self.model.add_diff(person.planes[None], -adapter.answer(canonical, source, canonical))

    @torch.inference_mode()
    def frame(self, pncc: Tensor, camera_to_world: Tensor, intrinsics: Tensor, keypoints: Tensor) -> Tensor:
        """Draw one frame.

        Args:
            pncc: (3, P, P) PNCC of the wanted expression in [-1, 1].
            camera_to_world: (4, 4).
            intrinsics: (3, 3), normalised.
            keypoints: (K, 2) the torso's driving key-points in [-1, 1].

        Returns:
            (S, S, 3) uint8.

        Raises:
            ValueError: If the head is out of the picture.
        """
        person, model = self.identity, self.model
        diff = model.motion_adapter.answer(person.canonical_pncc[None], person.source_pncc[None], pncc[None])
        planes = model.add_diff(self.planes, diff)
        back, _ = model.render_back(
            person.torso[None], person.background[None], person.source_keypoints[None], keypoints[None]
        )
        head = model.render_head(planes, camera_to_world[None], intrinsics[None])
        rows, columns = head.window.pixels()
        back[..., rows, columns] = model.compose(head, back)
        return to_picture(back[0])

    def frames(self, drives: Iterable[tuple[Tensor, Tensor, Tensor, Tensor]]) -> Iterator[Tensor]:
        """Draw a stream of (pncc, camera_to_world, intrinsics, keypoints)."""
        for drive in drives:
            yield self.frame(*drive)
