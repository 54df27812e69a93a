"""Skipping: the kernels against the reference, and what is lost on a scene with an empty outside."""

from dataclasses import replace

import pytest
import torch

from agreement import assert_same
from random_scene import make_scene
from triplane_render import (
    DecoderWeights,
    InputError,
    Occupancy,
    PlaneLayout,
    Rays,
    RenderOutput,
    intersect_box,
    render_planes,
    render_planes_reference,
)

MARCHES = {
    "alpha": {"samples": 29},
    "midpoint": {"samples": 31, "rule": "midpoint"},
    "importance": {"samples": 24, "importance_samples": 17, "rule": "midpoint", "layout": PlaneLayout.EG3D},
}
FAINT = 2e-3  # features of samples that weigh less than 1e-5 are left out: 1e-5 x 41 samples, and rounding


def ball(radius: float = 0.3, resolution: int = 32) -> tuple[torch.Tensor, DecoderWeights]:
    """Planes (1, 3, 4, R, R) whose mean is -|p|^2, and a decoder that makes a ball of it."""
    line = (torch.arange(resolution) + 0.5) / resolution - 0.5
    columns, rows = line[None, :].square(), line[:, None].square()
    planes = torch.randn(3, 4, resolution, resolution, generator=torch.Generator().manual_seed(0))
    both = (columns + rows).expand(resolution, resolution)
    planes[:, 0] = -1.5 * both  # each axis is seen by two of the three planes
    w1, b1 = torch.zeros(5, 4), torch.zeros(5)
    w1[0, 0], b1[0] = 800.0, 800.0 * radius**2 + 8  # softplus is the identity here
    w1[1:] = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))
    w2, b2 = torch.randn(4, 5, generator=torch.Generator().manual_seed(2)), torch.zeros(4)
    w2[:, 0] = 0
    w2[0], b2[0] = torch.tensor([1.0, 0, 0, 0, 0]), -8.0
    return planes[None], DecoderWeights(w1, b1, w2, b2)


def view(side: int = 24) -> dict[str, object]:
    """Parallel rays (1, side^2) at the cube from the front, some past the ball."""
    steps = torch.linspace(-0.48, 0.48, side)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    origins = torch.stack([x, y, torch.full_like(x, 1.3)], -1).reshape(1, -1, 3)
    directions = torch.tensor([0.0, 0.0, -1.0]).expand_as(origins).contiguous()
    near, far = intersect_box(origins, directions)
    return {"rays": Rays(origins, directions), "near": near, "far": far}


def psnr(got: RenderOutput, wanted: RenderOutput) -> float:
    span = float(wanted.features.max() - wanted.features.min())
    return float(10 * torch.log10(span**2 / (got.features - wanted.features).square().mean()))


@pytest.mark.parametrize("march", MARCHES.values(), ids=MARCHES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_agrees_with_the_reference(march: dict[str, object], dtype: torch.dtype) -> None:
    for seed in range(4):
        scene = make_scene(seed, batch=2, rays=60, channels=9, hidden=12, features=7).to(dtype)
        # Sizes for which no sample of an axis-aligned step lies on the face of a cell, where rounding decides.
        cells = torch.rand(1 + seed % 2, 7, 7, 7, generator=torch.Generator().manual_seed(seed)) > 0.5
        weights = DecoderWeights(*scene.decoder)
        every = march | {"near": scene.near, "far": scene.far, "occupancy": Occupancy(cells)}
        got = render_planes(scene.planes, weights, scene.rays, **every)
        wanted = render_planes_reference(scene.planes, weights, scene.rays, **every)
        for name, value in vars(wanted).items():
            assert_same(name, getattr(got, name), value, FAINT)


def test_cells_that_are_all_occupied_change_nothing() -> None:
    planes, weights = ball()
    march = view() | MARCHES["importance"]
    got = render_planes(
        planes, weights, occupancy=Occupancy(torch.ones(1, 1, 1, 1, dtype=torch.bool)), **march
    )
    wanted = render_planes(planes, weights, **march)
    torch.testing.assert_close(got.features, wanted.features, atol=FAINT, rtol=0)
    torch.testing.assert_close(got.depth, wanted.depth, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("march", MARCHES.values(), ids=MARCHES)
@pytest.mark.parametrize("stop", [0.0, 0.002])
def test_a_ball_loses_nothing_that_can_be_seen(march: dict[str, object], stop: float) -> None:
    planes, weights = ball()
    layout = march.get("layout", PlaneLayout.ORTHOGONAL)
    occupancy = Occupancy.from_planes(planes, weights, layout=layout, resolution=32)
    assert 0.05 < float(occupancy.cells.float().mean()) < 0.5
    every = view() | march
    got = render_planes(planes, weights, occupancy=occupancy, stop_transmittance=stop, **every)
    assert psnr(got, render_planes(planes, weights, **every)) > 45


def test_threads_do_not_change_the_result() -> None:
    planes, weights = ball()
    occupancy = Occupancy.from_planes(planes, weights, resolution=16)
    every = view() | MARCHES["importance"] | {"occupancy": occupancy, "stop_transmittance": 0.01}
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(render_planes(planes, weights, **every))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(
            torch.equal(a, b) for a, b in zip(vars(results[0]).values(), vars(other).values(), strict=True)
        )


def test_occupied_cells_are_where_the_ball_is() -> None:
    planes, weights = ball(radius=0.25)
    cells = Occupancy.from_planes(planes, weights, resolution=32, margin=0, least_density=1.0).cells[0]
    line = (torch.arange(32) + 0.5) / 32 - 0.5
    distance = (line[:, None, None] ** 2 + line[:, None] ** 2 + line**2).sqrt()
    assert bool(cells[distance < 0.22].all())
    assert not bool(cells[distance > 0.33].any())


def test_a_broken_texel_counts_as_occupied_and_stays_alone() -> None:
    planes, weights = ball()
    planes[0, 0, 1, 3, 3] = float("nan")
    occupancy = Occupancy.from_planes(planes, weights, resolution=16)
    every = view() | MARCHES["alpha"]
    got = render_planes(planes, weights, occupancy=occupancy, **every)
    whole = render_planes(planes, weights, **every)
    assert torch.equal(got.features.isnan(), whole.features.isnan())
    assert 0 < int(got.features.isnan().any(-1).sum()) < 100


def test_an_occupancy_with_gradients_is_refused() -> None:
    planes, weights = ball()
    occupancy = Occupancy.from_planes(planes, weights, resolution=8)
    with pytest.raises(InputError, match="skips samples, which then have no gradient"):
        render_planes(planes.requires_grad_(), weights, occupancy=occupancy, samples=4, **view(2))
    with torch.no_grad():
        render_planes(planes, weights, occupancy=occupancy, samples=4, **view(2))
    with pytest.raises(InputError, match="has 2 entries"):
        render_planes(
            planes.detach(),
            weights,
            occupancy=Occupancy(occupancy.cells.expand(2, -1, -1, -1)),
            samples=4,
            **view(2),
        )
    with pytest.raises(InputError, match="must be a bool tensor"):
        replace(occupancy, cells=occupancy.cells.float())
