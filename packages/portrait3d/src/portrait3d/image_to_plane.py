"""One picture of a head -> its canonical tri-plane."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.config import PortraitConfig
from portrait3d.initialisation import PLANES
from portrait3d.plane_axes import to_world
from portrait3d.segformer import Block, PatchEmbed
from portrait3d.surface_alignment import SurfaceAlignment


class ImageToPlane(nn.Module):
    """A transformer branch for the head as a whole, a convolutional one for its fine detail.

    Source: Real3D-Portrait section 3.1 (after LP3D, Trevithick et al. 2023): the low-resolution branch
    sees everything and canonicalises; the high-resolution branch has no normalisation so that detail
    passes; both see two coordinate channels, because convolutions alone do not know where they are.
    """

    def __init__(self, config: PortraitConfig) -> None:
        super().__init__()
        self.config = config
        # The head that all people share; the convolutions predict how this one differs.
        side = config.plane_resolution
        self.mean_planes = nn.Parameter(torch.zeros(3, config.plane_channels, side, side))
        width, tokens = config.encoder_width, config.encoder_tokens
        if config.encoder_aligned:
            self.alignment = SurfaceAlignment(config)
        seen = 9 if config.encoder_aligned else 5
        self.low_stem = nn.Sequential(
            nn.Conv2d(seen, width, 5, 4, 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.LeakyReLU(0.2),
        )
        self.low_embed = PatchEmbed(2 * width, tokens, 3, 2)
        self.low_blocks = nn.ModuleList(Block(tokens, 4, 1, 2) for _ in range(config.encoder_depth))
        self.low_out = nn.Conv2d(tokens, 16 * width, 1)
        self.high = nn.Sequential(
            nn.Conv2d(seen, width, 7, 2, 3),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
        )
        self.mix = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 3 * config.plane_channels, 3, 1, 1),
        )

    def forward(
        self, head: Tensor, camera_to_world: Tensor | None = None, intrinsics: Tensor | None = None
    ) -> Tensor:
        """Predict canonical planes.

        Args:
            head: (B, 3, S, S) picture of the head in [-1, 1], all else -1.
            camera_to_world: (B, 4, 4) of the picture; needed with `encoder_aligned`, else not looked at.
            intrinsics: (B, 3, 3), normalised; likewise.

        Returns:
            (B, 3, C, R, R) planes in world axes.

        Raises:
            ValueError: If the camera is needed and missing.
        """
        size = 2 * self.config.plane_resolution
        front = []
        if self.config.encoder_aligned:
            if camera_to_world is None or intrinsics is None:
                raise ValueError("these weights turn heads to the front and need the picture's camera")
            front = [self.alignment(head, camera_to_world, intrinsics, size)]
        if head.shape[-1] != size:
            head = F.interpolate(head, (size, size), mode="bilinear", align_corners=False, antialias=True)
        line = torch.linspace(-1, 1, size, device=head.device, dtype=head.dtype)
        rows, columns = torch.meshgrid(line, line, indexing="ij")
        coordinates = torch.stack([columns, rows])[None].expand(head.shape[0], -1, -1, -1)
        x = torch.cat([head, *front, coordinates], 1)
        low = self.low_embed(self.low_stem(x))
        height, width = low.shape[-2:]
        tokens = low.flatten(2).transpose(1, 2)
        for block in self.low_blocks:
            tokens = block(tokens, height, width)
        low = self.low_out(tokens.transpose(1, 2).reshape(low.shape))
        low = F.pixel_shuffle(low, 4)
        high = self.high(x)
        low = F.interpolate(low, high.shape[-2:], mode="bilinear", align_corners=False)
        planes = self.mix(torch.cat([low, high], 1))
        planes = planes.reshape(planes.shape[0], 3, self.config.plane_channels, *planes.shape[-2:])
        if front:  # the picture itself is the start of the XY plane; the rest is what has to be changed of it
            colours = F.avg_pool2d(front[0][:, :3], 2)
            skip = F.pad(colours[:, None], (0, 0, 0, 0, 0, self.config.plane_channels - 3, 0, 2))
            planes = planes + PLANES * skip
        return to_world(planes) + self.mean_planes
