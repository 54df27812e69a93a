"""The fused renderer against its reference, against closed forms, and on odd input."""

import itertools
import math
import random
from dataclasses import replace

import pytest
import torch

from agreement import assert_same
from random_scene import Scene, make_scene, render
from triplane_render import (
    DecoderWeights,
    InputError,
    PlaneLayout,
    Rays,
    _backend,
    render_planes,
    render_planes_reference,
)

# Against the float64 reference. float64: the order of sums differs. float32: each of some hundred operations
# rounds to 6e-8 of its size, and densities of about 4 over a texel multiply errors of position.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}


def settings(count: int, seed: int) -> list[dict[str, object]]:
    """Random combinations of shapes, dtype and options, reproducible."""
    draw, cases = random.Random(seed), []
    for index in range(count):
        rule = draw.choice(["alpha", "midpoint"])
        more = draw.choice([0, 0, 1, 7]) if rule == "midpoint" else 0
        cases.append(
            {
                "dtype": draw.choice([torch.float32, torch.float64]),
                "scene": {
                    "seed": index,
                    "batch": draw.choice([1, 1, 2]),
                    "rays": draw.choice([1, 2, 9, 70]),
                    "channels": draw.choice([1, 3, 8, 24, 33]),
                    "hidden": draw.choice([1, 7, 16, 40]),
                    "features": draw.choice([1, 3, 8, 25]),
                    "size": draw.choice([(6, 8), (5, 3), (1, 1), (3, 5, 4), (1, 4, 4)]),
                },
                "activation": draw.choice(["sigmoid", "none"]),
                "march": {
                    "samples": draw.choice([5, 8, 33]) if more else draw.choice([2, 3, 24, 150]),
                    "importance_samples": more,
                    "rule": rule,
                    "layout": draw.choice(list(PlaneLayout)),
                    "box_warp": draw.choice([1.0, 1.4]),
                    "density_activation": draw.choice(["softplus", "relu"]),
                },
            }
        )
    return cases


def compare(case: dict[str, object]) -> None:
    scene = make_scene(**case["scene"])
    wanted = render(scene, activation=case["activation"], **case["march"]).tensors()
    got = render(scene.to(case["dtype"]), render_planes, case["activation"], **case["march"]).tensors()
    for name, value in wanted.items():
        assert_same(name, got[name], value, TOLERANCE[case["dtype"]], floor=0.1)


@pytest.mark.parametrize("part", range(8))
def test_parity(part: int) -> None:
    for case in settings(160, seed=0)[part::8]:
        compare(case)


@pytest.mark.slow
def test_parity_over_many_combinations() -> None:
    for case in settings(2500, seed=1):
        compare(case)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_sample(dtype: torch.dtype) -> None:
    scene = make_scene()
    wanted, got = (
        render(scene, samples=1).tensors(),
        render(scene.to(dtype), render_planes, samples=1).tensors(),
    )
    for name, value in wanted.items():
        assert_same(name, got[name], value, TOLERANCE[dtype])


def uniform_fog(density: float, samples: int, how: object, **march: object) -> tuple[float, float, float]:
    """Feature, depth and opacity of a ray through fog of one density, from 1 to 3, of feature sigmoid(0)."""
    logit = math.log(math.expm1(density)) + 1  # softplus(logit - 1) = density
    decoder = DecoderWeights(
        torch.zeros(2, 4, dtype=torch.float64), torch.zeros(2, dtype=torch.float64),
        torch.zeros(2, 2, dtype=torch.float64), torch.tensor([logit, 0.0], dtype=torch.float64),
    )  # fmt: skip
    rays = Rays(
        torch.zeros(1, 1, 3, dtype=torch.float64), torch.tensor([[[0.0, 0.0, 1.0]]], dtype=torch.float64)
    )
    planes = torch.zeros(1, 3, 4, 5, 5, dtype=torch.float64)
    out = how(planes, decoder, rays, near=1.0, far=3.0, samples=samples, **march)
    return out.features.item(), out.depth.item(), out.opacity.item()


@pytest.mark.parametrize("how", [render_planes, render_planes_reference])
@pytest.mark.parametrize(
    ("samples", "march"),
    [(1, {}), (7, {}), (7, {"rule": "midpoint"}), (9, {"rule": "midpoint", "importance_samples": 5})],
)
def test_fog_by_hand(how: object, samples: int, march: dict[str, object]) -> None:
    # Opacity of fog of density d over length L is 1 - exp(-d L), in however many steps it is taken.
    feature, depth, opacity = uniform_fog(0.8, samples, how, **march)
    assert opacity == pytest.approx(1 - math.exp(-0.8 * 2))
    assert feature == pytest.approx(opacity * (0.5 * 1.002 - 0.001))
    if samples == 1:
        assert depth == pytest.approx(opacity * 2.0)


@pytest.mark.parametrize("how", [render_planes, render_planes_reference])
def test_depth_of_fog_tends_to_the_integral(how: object) -> None:
    # Integral of t d exp(-d (t - 1)) from 1 to 3, by parts.
    d = 0.8
    wanted = (1 + 1 / d) - (3 + 1 / d) * math.exp(-2 * d)
    assert uniform_fog(d, 400, how)[1] == pytest.approx(wanted, rel=1e-5)


def test_rays_that_miss_give_zeros_and_no_gradient() -> None:
    scene = make_scene(rays=12)
    missing = torch.arange(12) % 3 == 0
    far = torch.where(missing, scene.near - 0.1, scene.far)
    some = render(Scene(scene.planes, scene.decoder, scene.rays, scene.near, far), render_planes, samples=9)
    assert not bool(some.output.features[:, missing].any() or some.output.opacity[:, missing].any())
    assert bool((some.output.opacity[:, ~missing] > 0).all())
    none = render(
        Scene(scene.planes, scene.decoder, scene.rays, scene.near, torch.zeros_like(far)),
        render_planes,
        samples=9,
    )
    assert not any(bool(gradient.any()) for gradient in none.gradients.values())


@pytest.mark.parametrize(("batch", "rays"), [(0, 4), (1, 0), (0, 0)])
@pytest.mark.parametrize("how", [render_planes, render_planes_reference])
def test_nothing_to_render(batch: int, rays: int, how: object) -> None:
    scene = make_scene(batch=batch, rays=rays)
    result = render(scene, how, samples=4)
    assert result.output.features.shape == (batch, rays, 3)
    assert result.output.opacity.shape == (batch, rays)
    assert not bool(result.gradients["grad_w1"].any())


@pytest.mark.parametrize("how", [render_planes, render_planes_reference])
def test_broken_rays_are_nan_and_alone(how: object) -> None:
    scene = make_scene(rays=12)
    good = render(scene, how, samples=9)
    origins, far = scene.rays.origins.clone(), scene.far.clone()
    origins[0, 3, 1], far[0, 5], origins[0, 7, 2] = math.nan, math.nan, math.inf
    broken = torch.zeros(12, dtype=torch.bool)
    broken[[3, 5, 7]] = True
    bad = render(
        Scene(scene.planes, scene.decoder, Rays(origins, scene.rays.directions), scene.near, far),
        how,
        samples=9,
    )
    assert bool(bad.output.features[0, broken].isnan().all() and bad.output.opacity[0, broken].isnan().all())
    if how is render_planes:  # the reference's matrix product rounds by how many rays there are
        assert torch.equal(bad.output.features[0, ~broken], good.output.features[0, ~broken])
    assert torch.allclose(bad.output.features[0, ~broken], good.output.features[0, ~broken], rtol=1e-12)
    assert all(bool(gradient.isfinite().all()) for gradient in bad.gradients.values())


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_broken_texel_reaches_only_rays_that_see_it(value: float, dtype: torch.dtype) -> None:
    scene = make_scene(rays=40, size=(16, 16)).to(dtype)
    planes = scene.planes.clone()
    planes[0, 0, 2, 3, 4] = value
    decoder = DecoderWeights(*scene.decoder)
    march = {"near": scene.near, "far": scene.far, "samples": 12}
    good = render_planes(scene.planes, decoder, scene.rays, **march).features
    bad = render_planes(planes, decoder, scene.rays, **march).features
    reference = render_planes_reference(planes, decoder, scene.rays, **march).features
    untouched = (bad == good).all(-1)
    assert 0 < int((~untouched).sum()) < 20
    assert torch.equal(untouched, (reference.isfinite().all(-1) & untouched))
    assert bool(bad[~untouched].isnan().any(-1).all()) or value == math.inf


@pytest.mark.parametrize(
    "march", [{}, {"rule": "midpoint", "importance_samples": 6}, {"stop_transmittance": 0.05}]
)
def test_result_does_not_depend_on_the_number_of_threads(march: dict[str, object]) -> None:
    scene = make_scene(rays=700, channels=24, size=(20, 20)).to(torch.float32)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(render(scene, render_planes, samples=16, **march).tensors())
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(value, other[name]) for name, value in results[0].items())


def test_a_ray_does_not_depend_on_its_neighbours() -> None:
    scene = make_scene(rays=37).to(torch.float32)
    decoder = DecoderWeights(*scene.decoder)
    together = render_planes(scene.planes, decoder, scene.rays, near=scene.near, far=scene.far, samples=10)
    for ray in (0, 17, 36):
        one = slice(ray, ray + 1)
        alone = render_planes(
            scene.planes, decoder, Rays(scene.rays.origins[:, one], scene.rays.directions[:, one]),
            near=scene.near[:, one], far=scene.far[:, one], samples=10,
        )  # fmt: skip
        assert torch.equal(alone.features[:, 0], together.features[:, ray])


@pytest.mark.parametrize("rule", ["alpha", "midpoint"])
def test_stopping_early_errs_by_no_more_than_it_says(rule: str) -> None:
    scene = make_scene(rays=60)
    scene.decoder[3][0] += 8.0  # dense
    whole = render(scene, render_planes, samples=40, rule=rule)
    stop = 0.02
    stopped = render(scene, render_planes, samples=40, rule=rule, stop_transmittance=stop)
    error = (whole.output.features - stopped.output.features).abs().max()
    assert 0 < float(error) <= stop * 1.001
    reference = render(scene, samples=40, rule=rule, stop_transmittance=stop).tensors()
    for name, value in stopped.tensors().items():
        assert_same(name, value, reference[name], 1e-9)


def test_planes_with_channels_last_are_taken_as_they_are() -> None:
    scene = make_scene(channels=8)
    last = scene.planes.movedim(2, -1).contiguous().movedim(-1, 2)
    assert not last.is_contiguous()
    results = []
    for planes in (scene.planes, last):
        leaf = planes.detach().requires_grad_()
        out = render_planes(
            leaf, DecoderWeights(*scene.decoder), scene.rays, near=scene.near, far=scene.far, samples=7
        )
        out.features.square().sum().backward()
        results.append((out.features.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_planes_of_16_bits_are_the_rounded_planes(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_backend.INSTRUCTION_SET_VARIABLE, "portable")  # takes no product in 16 bits
    scene = make_scene().to(torch.float32)
    short = replace(scene, planes=scene.planes.to(dtype))
    rounded = replace(scene, planes=short.planes.float())
    got, wanted = (render(one, render_planes, samples=6).tensors() for one in (short, rounded))
    assert got["grad_planes"].dtype == dtype
    for name, value in wanted.items():
        assert torch.equal(got[name], value.to(got[name].dtype)), name
    reference = render(short, samples=6).tensors()
    assert_same("features", got["features"], reference["features"], 1e-4)


def test_planes_of_16_bits_want_everything_else_in_float32() -> None:
    scene = make_scene().to(torch.bfloat16)
    decoder = DecoderWeights(*scene.decoder)
    with pytest.raises(InputError, match=r"rays: is torch.bfloat16 on cpu[\s\S]*Make it torch.float32"):
        render_planes(scene.planes, decoder, scene.rays, near=scene.near, far=scene.far, samples=6)


def test_settings_cover_every_option() -> None:
    cases = settings(160, seed=0)
    for option in ("rule", "layout", "density_activation", "importance_samples"):
        assert len({case["march"][option] for case in cases}) >= 2
    combinations = {(case["dtype"], case["march"]["rule"], case["activation"]) for case in cases}
    assert len(combinations) == len(
        list(itertools.product([torch.float32, torch.float64], ["alpha", "midpoint"], ["sigmoid", "none"]))
    )
