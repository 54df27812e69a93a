"""Where in the cube anything is: what lets a render skip the rest."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from triplane_render.compositing import DensityActivation, activate_density
from triplane_render.decoder import DecoderWeights, decode_reference
from triplane_render.errors import InputError
from triplane_render.planes import PlaneLayout
from triplane_render.sampling import sample_planes_reference


@dataclass(frozen=True)
class Occupancy:
    """Cells of the planes' cube that may hold something; outside the cube nothing is.

    Attributes:
        cells: (B, R, R, R) bool, z first and x last; B may be 1 for planes of any batch. Cell (0, 0, 0) lies
            at -box_warp / 2.

    Raises:
        InputError: If shape or type is not as said.
    """

    cells: Tensor

    def __post_init__(self) -> None:
        shape = tuple(self.cells.shape)
        if len(shape) != 4 or not shape[1] == shape[2] == shape[3] >= 1 or self.cells.dtype != torch.bool:
            cause = f"must be a bool tensor (B, R, R, R), got {self.cells.dtype} {shape}"
            raise InputError("occupancy", cause, "Build it by Occupancy.from_planes.")

    @classmethod
    @torch.no_grad()
    def from_planes(
        cls,
        planes: Tensor,
        decoder: DecoderWeights,
        *,
        layout: PlaneLayout = PlaneLayout.ORTHOGONAL,
        box_warp: float = 1.0,
        density_activation: DensityActivation = "softplus",
        resolution: int = 64,
        least_density: float = 0.5,
        margin: int = 2,
    ) -> "Occupancy":
        """Look for density in every cell, and widen what is found.

        Each cell is looked at in eight places, a quarter of its side from its faces.

        Args:
            planes: (B, 3, C, H, W) or (B, 3, C, D, H, W), for example of a person at rest.
            decoder: As for `render_planes`.
            layout, box_warp, density_activation: As for `render_planes`.
            resolution: R, cells per side.
            least_density: A cell with less than this everywhere, in 1 / world unit, counts as empty.
            margin: Cells by which occupied space is widened, for motion and for what lies between the
                places looked at.

        Raises:
            InputError: If an argument is out of range.
        """
        if resolution < 1:
            raise InputError("resolution", f"must be >= 1, got {resolution}", "Use 64.")
        if margin < 0:
            raise InputError("margin", f"must be >= 0, got {margin}", "Use 0 for none.")
        steps = (torch.arange(2 * resolution, dtype=decoder.w1.dtype) + 0.5) / (2 * resolution) - 0.5
        steps = steps.to(planes.device) * box_warp
        slabs = []
        for z in steps.split(2):  # two layers of places are one layer of cells
            points = torch.stack(torch.meshgrid(z, steps, steps, indexing="ij")[::-1], -1).reshape(1, -1, 3)
            points = points.expand(planes.shape[0], -1, 3)
            read = sample_planes_reference(planes, points, layout, box_warp)
            logits, _ = decode_reference(decoder, read)
            density = activate_density(logits, density_activation)
            slab = density.reshape(-1, 1, 2, 2 * resolution, 2 * resolution)
            slabs.append(F.max_pool3d(torch.nan_to_num(slab, nan=float("inf")), 2))
        found = (torch.cat(slabs, 2) >= least_density).float()
        if margin:
            found = F.max_pool3d(found, 2 * margin + 1, 1, margin)
        return cls(found[:, 0] > 0)

    def holds(self, points: Tensor, box_warp: float) -> Tensor:
        """Whether points (B, ..., 3) lie in occupied cells, (B, ...) bool."""
        side = self.cells.shape[1]
        at = (points * (2 / box_warp) + 1) * 0.5 * side
        inside = ((at >= 0) & (at < side)).all(-1)
        x, y, z = torch.where(inside[..., None], at, 0).long().unbind(-1)
        batch = torch.arange(len(points), device=points.device) % len(self.cells)
        batch = batch.reshape(-1, *[1] * (points.ndim - 2))
        return self.cells[batch, z, y, x] & inside
