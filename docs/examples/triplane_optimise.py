"""Learn a small tri-plane from pictures of a ball, and render it from a side that was not seen.

.venv/bin/python docs/examples/triplane_optimise.py --out out/triplane
"""

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from triplane_render import DecoderWeights, Rays, render_planes

RADIUS, DISTANCE, VIEWS, HIDDEN = 0.35, 2.7, 12, 32


def camera(azimuth: float) -> Tensor:
    """Camera-to-world (1, 4, 4) of a camera that looks at the origin; OpenCV axes, azimuth in radians."""
    angle = torch.tensor(azimuth)
    back = torch.stack([angle.sin(), torch.zeros(()), angle.cos()])
    right = torch.stack([angle.cos(), torch.zeros(()), -angle.sin()])
    pose = torch.eye(4)
    pose[:3] = torch.stack([right, torch.tensor([0.0, -1, 0]), -back, DISTANCE * back], 1)
    return pose[None]


def ball(rays: Rays) -> Tensor:
    """What rays (1, N) truly see, (1, N, 3): a ball coloured by its surface's direction, on black."""
    along = (rays.origins * rays.directions).sum(-1)
    inside = along**2 - (rays.origins**2).sum(-1) + RADIUS**2
    depth = -along - inside.clamp_min(0).sqrt()
    normal = (rays.origins + depth[..., None] * rays.directions) / RADIUS
    return torch.where(inside[..., None] > 0, 0.5 + 0.5 * normal, 0.0)


def main() -> None:
    """Learn planes and decoder, then judge a view between the learned ones."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--out", type=Path, default=Path("out/triplane"))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--size", type=int, default=48, help="pixels of a picture's side")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(0)
    planes = torch.nn.Parameter(torch.randn(1, 3, 12, 32, 32) * 0.1)
    parts = [torch.randn(HIDDEN, 12) * 0.3, torch.zeros(HIDDEN), torch.randn(4, HIDDEN) * 0.2, torch.zeros(4)]
    decoder = [torch.nn.Parameter(part) for part in parts]
    intrinsics = torch.tensor([[[2.7, 0, 0.5], [0, 2.7, 0.5], [0, 0, 1]]])

    def picture(azimuth: float) -> tuple[Tensor, Tensor]:
        rays = Rays.from_camera(camera(azimuth), intrinsics, given.size)
        seen = render_planes(planes, DecoderWeights(*decoder), rays, near=2.1, far=3.3, samples=32)
        return seen.features, ball(rays)

    optimizer = torch.optim.Adam([{"params": planes, "lr": 2e-2}, {"params": decoder, "lr": 1e-2}])
    turn = 2 * torch.pi / VIEWS
    unseen = 0.5 * turn  # half-way between two learned views
    with torch.no_grad():
        before = picture(unseen)[0]
    for step in range(given.steps):
        shown, true = picture(step % VIEWS * turn)
        loss = (shown - true).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        after, true = picture(unseen)
    for name, image in (("before", before), ("after", after)):
        print(f"unseen view {name}: {-10 * (image - true).square().mean().log10():.1f} dB")
    strip = torch.cat([one.reshape(given.size, given.size, 3) for one in (before, after, true)], 1)
    pixels = (strip.clamp(0, 1) * 255).round().byte().repeat_interleave(4, 0).repeat_interleave(4, 1)
    Image.fromarray(pixels.numpy()).save(given.out / "before_after_true.png")
    print(given.out / "before_after_true.png")


if __name__ == "__main__":
    main()
