"""The CUDA kernels on a GPU. What needs none is in test_cuda_kernels.py."""

import pytest
import torch

from agreement import assert_same
from random_scene import Result, Scene, make_scene, render
from triplane_render import DecoderWeights, PlaneLayout, RenderOutput, build_info, render_planes

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU and a CUDA build of torch"),
    pytest.mark.skipif(not build_info()["cuda_architectures"], reason="compiled without nvcc"),
]
# As for the emulated kernels, test_cuda_kernels.py.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 0.02, torch.bfloat16: 0.1}
MARCH = {"samples": 48, "importance_samples": 48, "rule": "midpoint", "layout": PlaneLayout.EG3D}


def on_gpu(scene: Scene, dtype: torch.dtype, **march: object) -> Result:
    """Render and differentiate on the GPU; results on the CPU."""
    scene = scene.to(torch.float64 if dtype == torch.float64 else torch.float32)

    def run(planes: torch.Tensor, decoder: DecoderWeights, rays, *, near, far, **rest) -> RenderOutput:
        weights = DecoderWeights(
            *(part.cuda() for part in (decoder.w1, decoder.b1, decoder.w2, decoder.b2)),
            feature_activation=decoder.feature_activation,
        )
        rays = type(rays)(rays.origins.cuda(), rays.directions.cuda())
        out = render_planes(planes.to("cuda", dtype), weights, rays, near=near.cuda(), far=far.cuda(), **rest)
        return RenderOutput(out.features.cpu(), out.depth.cpu(), out.opacity.cpu())

    return render(scene, run, **march)


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("sizes", [(32, 64, 32), (5, 7, 3)], ids=str)
def test_agrees_with_the_reference(dtype: torch.dtype, sizes: tuple[int, int, int]) -> None:
    channels, hidden, features = sizes
    scene = make_scene(
        2, batch=2, rays=300, channels=channels, hidden=hidden, features=features, size=(20, 24)
    )
    wanted = render(
        Scene(scene.planes.to(dtype).double(), *list(vars(scene).values())[1:]), **MARCH
    ).tensors()
    for name, value in on_gpu(scene, dtype, **MARCH).tensors().items():
        assert_same(name, value.double(), wanted[name], TOLERANCE[dtype])


def test_deterministic_gradients_are_the_same_every_time() -> None:
    scene = make_scene(3, rays=2000, channels=8, size=(8, 8))
    first, second = (on_gpu(scene, torch.float32, deterministic=True, samples=40).tensors() for _ in range(2))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_gradcheck() -> None:
    scene = make_scene(rays=3, channels=2, hidden=3, features=2, size=(3, 4))
    leaves = [leaf.detach().cuda().requires_grad_() for leaf in (scene.planes, *scene.decoder)]
    rays = type(scene.rays)(scene.rays.origins.cuda(), scene.rays.directions.cuda())

    def call(planes: torch.Tensor, *decoder: torch.Tensor) -> tuple[torch.Tensor, ...]:
        out = render_planes(
            planes, DecoderWeights(*decoder), rays, near=scene.near.cuda(), far=scene.far.cuda(),
            samples=5, rule="midpoint", deterministic=True,
        )  # fmt: skip
        return out.features, out.depth, out.opacity

    assert torch.autograd.gradcheck(call, leaves)
