"""PNCC pictures -> the diff-plane that turns the canonical head into the driven one."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.config import PortraitConfig
from portrait3d.initialisation import keep_variance
from portrait3d.plane_axes import to_world
from portrait3d.precision import exactly
from portrait3d.segformer import MiTEncoder, SegFormerHead

# Expressions differ from rest in few pixels and by little: a lip that moves by one pixel changes its colour
# by 0.01. Scaled so that motion and rest reach the network with about the same variance, the adapter found
# the mouth three times as fast as from the bare pictures.
REST_GAIN, MOTION_GAIN = 0.3, 24.0


class MotionAdapter(nn.Module):
    """A SegFormer over canonical, source and target PNCC, then convolutions to a residual plane.

    Source: Real3D-Portrait section 3.2 (SECC2Plane); fusion is addition to the canonical plane. The last
    layer starts at zero, so that an untrained adapter leaves the canonical head as it is.

    Beyond the published model, what the network answers to the face at rest is taken off
    (`adapter_from_rest`). What all expressions share belongs into the canonical planes; left free, the
    adapter grew into the head itself, and held down by a cost on its size it died.
    """

    def __init__(self, config: PortraitConfig) -> None:
        super().__init__()
        self.config = config
        width = config.adapter_width
        self.prenet = nn.Conv2d(9, 12, 1)
        self.encoder = MiTEncoder(
            12, config.adapter_dims, config.adapter_depths, config.adapter_heads, config.adapter_reductions
        )
        self.head = SegFormerHead(config.adapter_dims, width)
        self.to_plane = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
        )
        for part in (self.prenet, self.head, self.to_plane):
            keep_variance(part)
        self.out = nn.Conv2d(width, 4 * 3 * config.plane_channels, 1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, canonical: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Predict the diff-plane.

        Args:
            canonical: (1, 3, S, S) PNCC of the person at rest, in [-1, 1].
            source: (1, 3, S, S) PNCC of the source picture's expression.
            target: (B, 3, S, S) PNCC of the wanted expressions.

        Returns:
            (B, 3, C, S/2, S/2) residual planes in world axes.
        """
        with exactly(target.device):
            if not self.config.adapter_from_rest:
                return self.answer(canonical, source, target)
            answers = self.answer(canonical, source, torch.cat([target, canonical]))
            return answers[:-1] - answers[-1:]

    def answer(self, canonical: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """What the network says, before its answer to the face at rest is taken off."""
        count = target.shape[0]
        canonical, source = canonical.expand(count, -1, -1, -1), source.expand(count, -1, -1, -1)
        rest = REST_GAIN * canonical
        x = torch.cat([rest, MOTION_GAIN * (source - canonical), MOTION_GAIN * (target - canonical)], 1)
        x = self.prenet(x)
        planes = F.pixel_shuffle(self.out(self.to_plane(self.head(self.encoder(x)))), 2)
        return to_world(planes.reshape(planes.shape[0], 3, self.config.plane_channels, *planes.shape[-2:]))
