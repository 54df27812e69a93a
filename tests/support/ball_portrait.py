"""A tiny portrait and a clip of a coloured ball that stands in for a head: exact cameras, no faces."""

import torch

from portrait3d import PortraitConfig
from portrait3d.clip import PortraitClip

TINY = PortraitConfig(
    plane_channels=4, plane_resolution=32, decoder_hidden=8, ray_grid=32, ray_samples=8, pncc_size=64,
    adapter_dims=(8, 8, 16, 16), adapter_heads=(1, 1, 2, 2), adapter_width=8, encoder_width=8,
    encoder_tokens=16, encoder_depth=1, super_resolution_width=8, torso_width=4,
)  # fmt: skip


def camera_at(x: float) -> torch.Tensor:
    """Straight ahead at the nominal distance, moved sideways."""
    camera = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    camera[:3, 3] = torch.tensor([x, 0.09, 5.0])
    return camera


def ball_clip(count: int = 4, config: PortraitConfig = TINY) -> PortraitClip:
    """A warm ball at the head's place before a blue wall, seen from cameras that move sideways."""
    size, pncc = 4 * config.ray_grid, config.pncc_size
    draw = torch.Generator().manual_seed(0)
    shift = torch.linspace(-0.1, 0.1, count)
    line = (torch.arange(size) + 0.5) / size
    centre = 0.5 - 4.2647 * shift / 5.0
    away = (line[None, :, None] - 0.5).square() + (line[None, None] - centre[:, None, None]).square()
    ball = away < 0.22**2
    colours = torch.where(ball[..., None], torch.tensor([220, 150, 110]), torch.tensor([30, 60, 160]))
    mask = (ball * 255).to(torch.uint8)
    keypoints = torch.zeros(count, 4, 2)
    keypoints[..., 0] = (centre * 2 - 1)[:, None]
    return PortraitClip(
        frames=colours.to(torch.uint8),
        head_mask=mask,
        torso_mask=torch.zeros_like(mask),
        pncc=torch.randint(256, (count, 3, pncc, pncc), generator=draw, dtype=torch.uint8),
        canonical_pncc=torch.zeros(3, pncc, pncc, dtype=torch.uint8),
        camera_to_world=torch.stack([camera_at(float(x)) for x in shift]),
        intrinsics=torch.tensor([[4.2647, 0, 0.5], [0, 4.2647, 0.5], [0, 0, 1]]).expand(count, 3, 3),
        keypoints=keypoints,
        focus=torch.full((count, 3, 2), 0.5),
        opening=torch.linspace(0, 1, count),
        background=torch.tensor([30, 60, 160], dtype=torch.uint8).expand(size, size, 3),
        confidence=torch.ones(count),
    )
