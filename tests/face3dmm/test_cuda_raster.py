"""The CUDA z-buffer, run on the CPU by tests/support/cuda_emulation: the same answers to the last bit."""

from types import ModuleType

import numpy as np
import pytest
import torch

from emulated_cuda import emulated_kernels
from face3dmm.raster import draw_attributes, rasterize
from face3dmm.raster_reference import rasterize_reference


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return emulated_kernels("face3dmm", "FACE3DMM", "raster.cu", tmp_path_factory.mktemp("cuda"))


def emulated(
    kernels: ModuleType,
    vertices: torch.Tensor,
    faces: torch.Tensor,
    attributes: torch.Tensor,
    size: tuple[int, int],
) -> tuple[torch.Tensor, ...]:
    """Index, depth, barycentric and picture."""
    frames, (height, width), channels = len(vertices), size, attributes.shape[1]
    out = (
        torch.empty((frames, height, width), dtype=torch.int32),
        torch.empty((frames, height, width)),
        torch.empty((frames, height, width, 3)),
        torch.empty((frames, channels, height, width)),
    )
    keys = torch.empty((frames, height, width), dtype=torch.int64)
    kernels.rasterize(
        vertices.data_ptr(), faces.data_ptr(), attributes.data_ptr(), *(part.data_ptr() for part in out), -1.0,
        frames, vertices.shape[1], len(faces), channels, height, width, keys.data_ptr(), 0,
    )  # fmt: skip
    return out


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_reference(kernels: ModuleType, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    vertices = torch.randn(2, 40, 3, generator=draw) * torch.tensor([20.0, 20.0, 1.0]) + torch.tensor(
        [18.0, 15.0, 4.0]
    )
    vertices[0, 3] = float("nan")
    vertices[1, 5, 2] = -1.0
    vertices[1, 6, 0] = 1e30
    vertices[0, 8] = vertices[0, 9]
    faces = torch.randint(0, 40, (60, 3), generator=draw)
    faces = torch.cat([faces, faces[:10]])  # twice the same triangle: the lower number wins
    attributes = torch.randn(40, 2, generator=draw)
    index, depth, barycentric, picture = emulated(kernels, vertices, faces, attributes, (31, 37))
    wanted = rasterize_reference(vertices.numpy(), faces.numpy(), (31, 37))
    for got, value in zip((index, depth, barycentric), wanted, strict=True):
        assert np.array_equal(got.numpy(), value)
    assert float((index >= 0).float().mean()) > 0.2
    on_cpu = draw_attributes(vertices, faces, attributes, (31, 37), background=-1.0)
    torch.testing.assert_close(picture, on_cpu, rtol=1e-5, atol=1e-5)


def test_nothing_to_draw(kernels: ModuleType) -> None:
    empty = torch.zeros((0, 3), dtype=torch.int64)
    index, depth, barycentric, picture = emulated(
        kernels, torch.zeros(1, 3, 3), empty, torch.zeros(3, 1), (4, 5)
    )
    assert bool((index == -1).all()) and bool(depth.isinf().all())
    assert bool((barycentric == 0).all()) and bool((picture == -1).all())


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU and a CUDA build of torch")
def test_on_a_gpu() -> None:
    draw = torch.Generator().manual_seed(0)
    vertices = torch.randn(3, 200, 3, generator=draw) * torch.tensor([90.0, 90.0, 1.0]) + torch.tensor(
        [60.0, 60.0, 5.0]
    )
    faces = torch.randint(0, 200, (500, 3), generator=draw)
    wanted, got = rasterize(vertices, faces, 128), rasterize(vertices.cuda(), faces, 128)
    for name, value in vars(wanted).items():
        assert torch.equal(value, getattr(got, name).cpu()), name
