"""PNCC pictures -> the diff-plane that moves the canonical head."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.decoder import effective_linear
from portrait3d.equalised import EqualisedConv2d
from portrait3d.full.config import FullConfig
from portrait3d.full.conv_norm import ConvNorm
from portrait3d.plane_axes import to_world
from portrait3d.segformer import MiTEncoder, SegFormerHead, start_transformers


class MotionAdapter(nn.Module):
    """A SegFormer over canonical, source and target PNCC, then convolutions to planes.

    Source: Real3D-Portrait section 3.2. The first layer is linear, so what it makes of the canonical and the
    source picture is worked out once per person: `still`.
    """

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        self.depth = config.plane_depth
        self.pictures = 3 if config.pncc_condition == "cano_src_tgt" else 2
        width = config.adapter_width
        self.prenet = EqualisedConv2d(3 * self.pictures, 3, 1)
        self.encoder = MiTEncoder(
            3,
            config.adapter_dims,
            config.adapter_depths,
            config.adapter_heads,
            config.adapter_reductions,
            4,
            epsilon=1e-6,
            drop_path=0.1,
        )
        fuse = ConvNorm(width * len(config.adapter_dims), width, 1)
        self.head = SegFormerHead(config.adapter_dims, width, fuse=fuse, coarsest_first=True)
        self.dropout = nn.Dropout2d(0.1)
        self.to_plane = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.out = nn.Conv2d(width, 3 * config.plane_channels * config.plane_depth, 3, padding=1)
        start_transformers(self.encoder)

    def first_layer(self) -> tuple[Tensor, Tensor]:
        """Weight (3, 9 or 6, 1, 1) and bias (3,) of the first layer in effect, whatever wraps it."""
        channels = 3 * self.pictures
        linear = nn.Sequential(nn.Unflatten(1, (channels, 1, 1)), self.prenet, nn.Flatten())
        weight, bias = effective_linear(linear, channels)
        return weight[..., None, None], bias

    def still(self, canonical: Tensor, source: Tensor) -> Tensor:
        """What the first layer makes of the pictures that do not change.

        Args:
            canonical: (B, 3, S, S) PNCC of the person at rest, in [-1, 1].
            source: (B, 3, S, S) PNCC of the source picture's expression; not looked at by "cano_tgt".

        Returns:
            (B, 3, S, S).
        """
        weight, bias = self.first_layer()
        known = torch.cat([canonical, source][: self.pictures - 1], 1)
        return F.conv2d(known, weight[:, :-3], bias)

    def forward(self, still: Tensor, target: Tensor) -> Tensor:
        """Predict the diff-plane.

        Args:
            still: (1 or B, 3, S, S) from `still`.
            target: (B, 3, S, S) PNCC of the wanted expressions, in [-1, 1].

        Returns:
            (B, 3, C, S/2, S/2), or (B, 3, C, D, S/2, S/2), in world axes.
        """
        weight, _ = self.first_layer()
        x = self.dropout(self.head(self.encoder(still + F.conv2d(target, weight[:, -3:]))))
        for convolve in self.to_plane:
            x = F.leaky_relu(convolve(x), 0.01)
        planes = to_world(self.out(self.upsample(x)).unflatten(1, (3, -1)))
        return planes if self.depth == 1 else planes.unflatten(2, (-1, self.depth))
