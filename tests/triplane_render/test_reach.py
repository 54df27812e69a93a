"""Planes are copied, and gradients summed, only where rays come near: that must not show."""

import itertools

import pytest
import torch
from torch import Tensor

from triplane_render import DecoderWeights, PlaneLayout, Rays, render_planes, render_planes_reference

SIZES = [(40, 70), (5, 37, 48), (64, 64), (1, 130)]  # [D,] H, W: more texels than rays see


def scene(size: tuple[int, ...], distance: float, dtype: torch.dtype) -> tuple[Tensor, list[Tensor], Rays]:
    """Planes, decoder and a narrow beam of rays, from `distance` away, through a corner of the cube.

    The last ray runs past all the others through the cube from corner to corner.
    """
    draw = torch.Generator().manual_seed(len(size) + size[-1])

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64).to(dtype)

    planes = normal(1, 3, 12, *size)
    decoder = [normal(9, 12), normal(9), normal(1 + 5, 9), normal(1 + 5)]
    target = torch.tensor([0.3, -0.25, 0.3], dtype=dtype) + 0.02 * normal(1, 30, 3)
    towards = torch.nn.functional.normalize(
        torch.tensor([0.2, 0.3, -1.0], dtype=dtype) + 0.02 * normal(1, 30, 3), dim=-1
    )
    target[0, -1], towards[0, -1] = 0, 3**-0.5
    return planes, decoder, Rays(target - distance * towards, towards)


def gradients(
    how: object, planes: Tensor, decoder: list[Tensor], rays: Rays, distance: float, counted: int
) -> list[Tensor]:
    """Features of the first `counted` rays, and gradients of a sum of them, for all rays given."""
    leaves = [
        part.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        for part in (planes, *decoder)
    ]
    samples = {"samples": 9, "importance_samples": 5, "rule": "midpoint", "layout": PlaneLayout.EG3D}
    near, far = distance - 0.2, distance + 0.2
    out = how(leaves[0], DecoderWeights(*leaves[1:]), rays, near=near, far=far, **samples)
    out.features[:, :counted].square().sum().backward()
    return [out.features[:, :counted].detach(), *(leaf.grad for leaf in leaves)]


@pytest.mark.parametrize(("size", "last"), list(itertools.product(SIZES, [False, True])))
def test_a_beam_through_a_corner(size: tuple[int, ...], last: bool) -> None:
    planes, decoder, rays = scene(size, 1.0, torch.float64)
    beam = Rays(rays.origins[:, :-1], rays.directions[:, :-1])
    wanted = gradients(render_planes_reference, planes, decoder, beam, 1.0, 29)
    if last:
        planes = planes.movedim(2, -1).contiguous().movedim(-1, 2)
    got = gradients(render_planes, planes, decoder, beam, 1.0, 29)
    for ours, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)  # the order of sums differs
    assert torch.equal(got[1] == 0, wanted[1] == 0)
    assert (got[1] == 0).float().mean() > 0.3, "the beam is not narrow"


# From far away the samples of a ray are rounded to many texels.
@pytest.mark.parametrize(("size", "distance"), list(itertools.product(SIZES, [1.0, 1e4, 1e6])))
def test_a_ray_elsewhere_changes_nothing(size: tuple[int, ...], distance: float) -> None:
    planes, decoder, rays = scene(size, distance, torch.float32)
    beam = Rays(rays.origins[:, :-1], rays.directions[:, :-1])
    alone = gradients(render_planes, planes, decoder, beam, distance, 29)
    beside = gradients(render_planes, planes, decoder, rays, distance, 29)
    assert torch.equal(alone[0], beside[0])
    assert torch.equal(alone[1], beside[1])
