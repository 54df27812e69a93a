"""The CUDA kernels, run on the CPU by tests/support/cuda_emulation: their arithmetic, not their speed.

Tolerances: float64 differs from the reference by the order of sums alone; float32 likewise, 1e-4 of the
largest value as for the CPU kernels; 16-bit planes round decoder weights, plane features and hidden units,
each by 2^-9 (bfloat16) or 2^-12 (half), a few of which add up.
"""

from types import ModuleType

import pytest
import torch

from agreement import assert_same
from emulated_cuda import emulated_kernels
from random_scene import Scene, make_scene, render
from triplane_render import (
    DecoderWeights,
    Occupancy,
    PlaneLayout,
    RenderOutput,
    _cuda_calls,
    render_planes_reference,
)

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 0.02, torch.bfloat16: 0.1}
KINDS = list(TOLERANCE)


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The CUDA sources compiled for the CPU."""
    return emulated_kernels("triplane_render", "TRIPLANE", "render.cu", tmp_path_factory.mktemp("cuda"))


class Emulated(torch.autograd.Function):
    """The kernels behind the same arguments as `render_planes`."""

    @staticmethod
    def forward(ctx, module, deterministic, planes, w1, b1, w2, b2, scene, rest, occupied):
        ctx.module, ctx.deterministic, ctx.rest, ctx.scene = module, deterministic, rest, scene
        ctx.save_for_backward(planes, w1, b1, w2, b2)
        batch, count = scene[0].shape[:2]
        outputs = (
            w1.new_empty(batch, count, len(b2) - 1),
            w1.new_empty(batch, count),
            w1.new_empty(batch, count),
        )
        _cuda_calls.forward(module, outputs, planes, [w1, b1, w2, b2], scene, *rest, occupied)
        return outputs

    @staticmethod
    def backward(ctx, *grads):
        planes, *decoder = ctx.saved_tensors
        grad, others = _cuda_calls.backward(
            ctx.module, list(grads), True, True, ctx.deterministic, planes, decoder, ctx.scene, *ctx.rest
        )
        grad = grad[..., : planes.shape[2]].movedim(-1, 2).to(planes.dtype)
        return None, None, grad, *others, None, None, None


def emulated(module: ModuleType, deterministic: bool = False):
    """`render_planes` by the emulated kernels."""

    def run(
        planes, decoder: DecoderWeights, rays, *, near, far, samples, importance_samples=0, box_warp=1.0,
        layout=PlaneLayout.ORTHOGONAL, rule="alpha", density_activation="softplus", stop_transmittance=0.0,
        occupancy=None,
    ) -> RenderOutput:  # fmt: skip
        choices = [samples, importance_samples, int(rule == "midpoint"), int(density_activation == "relu")]
        choices.append(int(decoder.feature_activation == "none"))
        axes = [axis for plane in layout.axes for axis in plane]
        scene = [rays.origins, rays.directions, near, far]
        parts = Emulated.apply(
            module, deterministic, planes, decoder.w1, decoder.b1, decoder.w2, decoder.b2, scene,
            (axes, [box_warp, stop_transmittance], choices),
            None if occupancy is None else occupancy.cells.to(torch.uint8),
        )  # fmt: skip
        return RenderOutput(*parts)

    return run


def compare(
    module: ModuleType, scene: Scene, dtype: torch.dtype, deterministic: bool = False, **march
) -> None:
    compute = dtype if dtype in (torch.float32, torch.float64) else torch.float32
    rounded = scene.to(compute)
    planes = rounded.planes.to(dtype)
    wanted = render(scene_with(scene.to(torch.float64), planes.to(torch.float64)), **march)
    got = render(scene_with(rounded, planes), emulated(module, deterministic), **march)
    for name, value in got.tensors().items():
        assert_same(name, value.to(torch.float64), wanted.tensors()[name], TOLERANCE[dtype])


def scene_with(scene: Scene, planes: torch.Tensor) -> Scene:
    return Scene(planes, scene.decoder, scene.rays, scene.near, scene.far)


MARCHES = {
    "alpha": {"samples": 5},
    "one sample": {"samples": 1},
    "more than a warp": {"samples": 37, "rule": "midpoint"},
    "importance": {"samples": 7, "importance_samples": 6, "rule": "midpoint"},
    "long": {"samples": 48, "importance_samples": 48, "rule": "midpoint", "layout": PlaneLayout.EG3D},
    "relu": {"samples": 9, "rule": "midpoint", "density_activation": "relu"},
    "stopped": {"samples": 40, "stop_transmittance": 0.4, "box_warp": 1.3},
}


@pytest.mark.parametrize("march", MARCHES.values(), ids=MARCHES)
@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_agrees_with_the_reference(kernels, dtype, march) -> None:
    compare(kernels, make_scene(3, rays=5, channels=8, hidden=16, features=3), dtype, **march)


@pytest.mark.parametrize("dtype", KINDS, ids=str)
@pytest.mark.parametrize("sizes", [(5, 7, 2), (12, 33, 9), (32, 64, 32), (1, 1, 1)], ids=str)
def test_any_size_of_decoder(kernels, dtype, sizes, monkeypatch) -> None:
    monkeypatch.setenv("EMULATION_SHARED_BYTES", str(160 * 1024))  # what float64 needs at these sizes
    channels, hidden, features = sizes
    scene = make_scene(5, batch=2, rays=3, channels=channels, hidden=hidden, features=features)
    compare(kernels, scene, dtype, samples=6, importance_samples=5, rule="midpoint")


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_tri_grids(kernels, dtype) -> None:
    compare(kernels, make_scene(6, size=(3, 6, 8), rays=4), dtype, samples=8)


@pytest.mark.parametrize("dtype", KINDS, ids=str)
def test_whole_number_sums_agree(kernels, dtype) -> None:
    compare(kernels, make_scene(7), dtype, deterministic=True, samples=9)


def test_barriers_hold_in_either_order_of_threads(kernels, monkeypatch) -> None:
    monkeypatch.setenv("EMULATION_REVERSE", "1")
    for dtype in KINDS:
        compare(kernels, make_scene(8), dtype, samples=20, importance_samples=20, rule="midpoint")


def test_a_small_device_takes_fewer_warps_and_says_when_nothing_fits(kernels, monkeypatch) -> None:
    scene = make_scene(9, rays=3)
    monkeypatch.setenv("EMULATION_SHARED_BYTES", str(24 * 1024))
    compare(kernels, scene, torch.float32, samples=12)
    monkeypatch.setenv("EMULATION_SHARED_BYTES", "2048")
    with pytest.raises(RuntimeError, match="shared memory"):
        render(scene.to(torch.float32), emulated(kernels), samples=12)


def test_broken_and_missing_rays_stay_alone(kernels) -> None:
    scene = make_scene(10, rays=4).to(torch.float32)
    scene.rays.origins[0, 1, 0] = float("nan")
    scene.far[0, 2] = scene.near[0, 2]
    output = render(scene, emulated(kernels), samples=6).output
    wanted = render(scene, samples=6).output
    assert bool(output.features[0, 1].isnan().all())
    assert bool((output.features[0, 2] == 0).all())
    torch.testing.assert_close(output.features, wanted.features, equal_nan=True, rtol=1e-4, atol=1e-4)


def test_nan_in_a_texel_reaches_the_rays_that_read_it_alone(kernels) -> None:
    scene = make_scene(11, rays=12).to(torch.float32)
    scene.planes[0, 0, 0, 2, 3] = float("nan")
    got = render(scene, emulated(kernels), samples=10, importance_samples=4, rule="midpoint").output
    wanted = render(scene, samples=10, importance_samples=4, rule="midpoint").output
    assert torch.equal(got.opacity.isnan(), wanted.opacity.isnan())
    assert 0 < int(got.opacity.isnan().sum()) < got.opacity.numel()


@pytest.mark.parametrize("march", [{}, {"rule": "midpoint", "importance_samples": 20}], ids=str)
def test_empty_cells_are_skipped_as_the_reference_says(kernels, march) -> None:
    scene = make_scene(12, batch=2, rays=9).to(torch.float32)
    cells = torch.rand(2, 4, 4, 4, generator=torch.Generator().manual_seed(0)) > 0.6
    weights = DecoderWeights(*scene.decoder)
    march |= {"near": scene.near, "far": scene.far, "samples": 20, "occupancy": Occupancy(cells)}
    got = emulated(kernels)(scene.planes, weights, scene.rays, **march)
    wanted = render_planes_reference(scene.planes, weights, scene.rays, **march)
    for name, value in vars(wanted).items():
        assert_same(name, getattr(got, name), value, 1e-4)
