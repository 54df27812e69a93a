"""Planes -> the picture of a head at the ray grid, by volume rendering."""

from dataclasses import dataclass

from torch import Tensor, nn

from portrait3d.decoder import effective_linear
from portrait3d.equalised import EqualisedLinear
from portrait3d.full.config import FullConfig
from portrait3d.precision import exactly
from triplane_render import DecoderWeights, PlaneLayout, Rays, intersect_box, render_planes


class FullDecoder(nn.Module):
    """EG3D's decoder (Chan et al. 2022, section 4.2): C -> hidden -> density and C features."""

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        self.widths = config.plane_channels, config.decoder_hidden
        self.hidden = EqualisedLinear(config.plane_channels, config.decoder_hidden)
        self.out = EqualisedLinear(config.decoder_hidden, 1 + config.plane_channels)

    def weights(self) -> DecoderWeights:
        """The weights in effect, as the renderer takes them."""
        channels, hidden = self.widths
        return DecoderWeights(*effective_linear(self.hidden, channels), *effective_linear(self.out, hidden))


@dataclass(frozen=True)
class HeadRender:
    """A head at the ray grid.

    Attributes:
        features: (B, C, G, G), 2 * (colour over a transparent background) - 1; the first three channels
            are colour in [-1, 1], all of them -1 where nothing is.
        opacity: (B, 1, G, G) in [0, 1].
        depth: (B, 1, G, G) mean distance from the camera; 0 where nothing is.
    """

    features: Tensor
    opacity: Tensor
    depth: Tensor

    @property
    def raw(self) -> Tensor:
        """(B, 3, G, G) colour in [-1, 1], but for the decoder's margin of 0.002."""
        return self.features[:, :3]


def render_head(
    planes: Tensor, decoder: FullDecoder, camera_to_world: Tensor, intrinsics: Tensor, config: FullConfig
) -> HeadRender:
    """Render as the published model does, without its random offsets.

    Rays are marched between where they enter and leave the cube of side `box_warp`. A ray that misses it is
    empty; the published code marches it through whatever distances the other rays have.

    Args:
        planes: (B, 3, C, R, R) or (B, 3, C, D, R, R).
        decoder: Of the planes.
        camera_to_world: (B, 4, 4), OpenCV axes.
        intrinsics: (B, 3, 3), normalised to a picture of width 1.
        config: Samples, box and ray grid.

    Returns:
        The head at the ray grid.
    """
    with exactly(planes.device):  # rays, too: a training run may compute its networks in bfloat16
        rays = Rays.from_camera(camera_to_world.float(), intrinsics.float(), config.ray_grid)
        near, far = intersect_box(rays.origins, rays.directions, side=config.box_warp)
        out = render_planes(
            planes,
            decoder.weights(),
            rays,
            near=near,
            far=far,
            samples=config.samples,
            importance_samples=config.importance_samples,
            layout=PlaneLayout.EG3D,
            box_warp=config.box_warp,
            rule="midpoint",
        )
    grid = (config.ray_grid, config.ray_grid)
    features = (2 * out.features - 1).mT.unflatten(2, grid)
    depth = out.expected_depth()
    return HeadRender(features, out.opacity[:, None].unflatten(2, grid), depth[:, None].unflatten(2, grid))
