"""Finished frames of one person, one after another."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.cut_out import cut_out
from portrait3d.folded_adapter import FoldedAdapter
from portrait3d.folded_torso import FoldedTorso
from portrait3d.frame_threads import in_threads
from portrait3d.identity import Identity
from portrait3d.model import HeadLayer, Portrait3D, to_picture
from portrait3d.posed_guide import SCALE, PosedGuide
from portrait3d.precision import network_dtype, networks_in

Drive = tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]


class PortraitRenderer:
    """Draws frames; what does not change between frames is computed once.

    Args:
        model: With the person's LoRA merged in. Not changed; later changes to it are not seen.
        identity: The person, on the model's device, where frames are drawn.
        precision: Of super-resolution and torso warp, see `network_dtype`; all else is float32.
        size: Side S of the pictures, the model's or half of it, which is the larger picture's 2 x 2 means
            but at the edges of layers, for less work; None for the model's.

    Raises:
        ValueError: If `precision` is unknown, or `size` neither.
    """

    @torch.inference_mode()
    def __init__(
        self, model: Portrait3D, identity: Identity, precision: str = "auto", size: int | None = None
    ) -> None:
        whole = model.config.picture_size
        if size not in (None, whole, whole // 2):
            raise ValueError(f"size must be {whole} or {whole // 2}, got {size!r}")
        self.size, self.half = size or whole, size == whole // 2
        self.model = deepcopy(model).eval()
        self.device = identity.planes.device
        self.dtype = network_dtype(precision, self.device)
        part: Any
        for part in (self.model.super_resolution, self.model.torso_warp):
            part.to(memory_format=torch.channels_last)
        self.identity = identity
        self.adapter = FoldedAdapter(
            self.model.motion_adapter, identity.canonical_pncc, identity.source_pncc, identity.planes
        )
        self.guide = None if identity.guide is None else PosedGuide.from_tensors(identity.guide)
        background = F.avg_pool2d(identity.background, 2) if self.half else identity.background
        self.back = FoldedTorso(self.model.torso_warp, identity.torso, background, identity.source_keypoints)

    @property
    def pncc_sizes(self) -> tuple[int, int | None]:
        """Sides of the PNCC and of the posed PNCC that drive a frame; None where the latter is not needed."""
        return self.model.config.pncc_size, None if self.guide is None else SCALE * self.model.config.ray_grid

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
            pncc: (3, P, P) PNCC of the wanted expression in [-1, 1].
            camera_to_world: (4, 4).
            intrinsics: (3, 3), normalised.
            keypoints: (K, 2) the torso's driving key-points in [-1, 1].
            posed: (3, 2G, 2G) PNCC as the camera sees it, in [-1, 1]; only a person with a guide needs it.

        Returns:
            (S, S, 3) uint8.

        Raises:
            ValueError: If the head is out of the picture, or `posed` is missing.
        """
        pncc, camera_to_world, intrinsics, keypoints = self._here(
            pncc, camera_to_world, intrinsics, keypoints
        )
        with networks_in(self.dtype, self.device):
            head = self._head(pncc, camera_to_world, intrinsics, posed)
            back = self.back.draw(keypoints)[None]
            rows, columns = head.window.pixels(head.scale)
            back[..., rows, columns] = self.model.compose(head, back)
        return to_picture(back[0])

    @torch.inference_mode()
    def cut_out(
        self,
        pncc: Tensor,
        camera_to_world: Tensor,
        intrinsics: Tensor,
        keypoints: Tensor,
        posed: Tensor | None = None,
    ) -> Tensor:
        """Draw one frame before nothing: arguments of `frame`.

        Returns:
            (S, S, 4) uint8, straight colours and alpha (see `portrait3d.cut_out`).

        Raises:
            ValueError: If the head is out of the picture, `posed` is missing, or the model mixes head and
                back in a network, so that there is no alpha.
        """
        if self.model.config.fusion != "alpha":
            raise ValueError(f"only fusion 'alpha' can be cut out, not {self.model.config.fusion!r}")
        pncc, camera_to_world, intrinsics, keypoints = self._here(
            pncc, camera_to_world, intrinsics, keypoints
        )
        with networks_in(self.dtype, self.device):
            head = self._head(pncc, camera_to_world, intrinsics, posed)
            layer = self.back.layer(keypoints)
        rows, columns = head.window.pixels(head.scale)
        over = torch.cat([head.colour, head.alpha.clamp(0, 1)], 1)[0]
        layer[:, rows, columns] = over + (1 - over[3:]) * layer[:, rows, columns]
        return to_picture(cut_out(layer[:3], layer[3:].clamp(0, 1)))

    def _here(self, *drive: Tensor) -> Iterator[Tensor]:
        return (part.to(self.device) for part in drive)

    def _head(
        self, pncc: Tensor, camera_to_world: Tensor, intrinsics: Tensor, posed: Tensor | None
    ) -> HeadLayer:
        guide = None
        if self.guide is not None:
            if posed is None:
                raise ValueError("the person has a posed guide: give the posed PNCC of each frame")
            guide = self.guide.over(posed.to(self.device)[None], camera_to_world, intrinsics)
        planes = self.adapter.drive(pncc[None])
        return self.model.render_head(
            planes, camera_to_world[None], intrinsics[None], guide=guide, half=self.half
        )

    def frames(
        self, drives: Iterable[Drive], workers: int | None = None, *, transparent: bool = False
    ) -> Iterator[Tensor]:
        """Draw a stream of (pncc, camera_to_world, intrinsics, keypoints, posed), several frames at a time.

        See `in_threads`; memory does not grow with the stream. A GPU gets one frame after another.

        Args:
            drives: See `frame`.
            workers: Frames in work at once; None for as many as there are cores.
            transparent: Before nothing, see `cut_out`.

        Yields:
            (S, S, 3) uint8, or (S, S, 4) where transparent, in order.
        """
        draw = self.cut_out if transparent else self.frame
        if self.device.type == "cpu":
            yield from in_threads(lambda drive: draw(*drive), drives, workers)
        else:
            yield from (draw(*drive) for drive in drives)
