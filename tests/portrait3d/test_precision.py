"""Networks in bfloat16, and frames of half the size, draw what the whole ones do, to what nobody sees."""

import math
import threading

import pytest
import torch

from portrait3d.drawing import PortraitRenderer
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D
from portrait3d.precision import PRECISIONS, network_dtype, networks_in

LEAST = 45.0  # dB, the project's bar for arithmetic that is rounded more


def smooth_noise(channels: int, side: int, generator: torch.Generator) -> torch.Tensor:
    coarse = torch.rand(1, channels, 16, 16, generator=generator)
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")[0].clamp(0, 1)


def a_picture_of_the_embedded_model(clip, precision: str, size: int | None = None) -> torch.Tensor:
    model = Portrait3D.from_pretrained("small")
    config, generator = model.config, torch.Generator().manual_seed(1)
    side, pncc = config.picture_size, config.pncc_size
    line = torch.linspace(-1, 1, pncc)
    rest = torch.stack([line.expand(pncc, pncc), line[:, None].expand(pncc, pncc), torch.zeros(pncc, pncc)])
    moved = rest.clone()
    moved[:, pncc // 2 : pncc // 2 + 20, pncc // 3 : -pncc // 3] += 0.05
    person = Identity(
        planes=model.image_to_plane.mean_planes.detach().reshape(3, config.plane_channels, *[config.plane_resolution] * 2),
        torso=smooth_noise(4, side, generator),
        background=smooth_noise(3, side, generator),
        canonical_pncc=rest,
        source_pncc=rest,
        source_keypoints=torch.zeros(config.torso_keypoints, 2),
    )  # fmt: skip
    renderer = PortraitRenderer(model, person, precision, size)
    keypoints = torch.full((config.torso_keypoints, 2), 0.03)
    return renderer.frame(moved, clip.camera_to_world[1], clip.intrinsics[1], keypoints)


def test_a_frame_in_bfloat16_is_that_in_float32(clip) -> None:
    fine, coarse = (a_picture_of_the_embedded_model(clip, each) for each in ("float32", "bfloat16"))
    assert not torch.equal(fine, coarse)  # it did compute in another type
    assert decibels(fine, coarse) >= LEAST
    assert float(fine.float().std()) > 20  # there is something to see


def test_a_frame_of_half_the_size_is_the_frame_made_smaller(clip) -> None:
    whole, half = (a_picture_of_the_embedded_model(clip, "float32", size) for size in (512, 256))
    smaller = torch.nn.functional.avg_pool2d(whole.permute(2, 0, 1).float(), 2).permute(1, 2, 0)
    assert half.shape == (256, 256, 3)
    assert decibels(half, smaller) >= LEAST


def test_another_size_is_quoted(clip) -> None:
    with pytest.raises(ValueError, match="512 or 256, got 300"):
        a_picture_of_the_embedded_model(clip, "float32", 300)


def decibels(one: torch.Tensor, other: torch.Tensor) -> float:
    return -10 * math.log10(float((one.float() - other.float()).square().mean()) / 255**2)


def test_auto_is_the_faster_type_of_this_processor() -> None:
    found = torch.cpu.get_capabilities()
    native = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    assert network_dtype("auto") == (torch.bfloat16 if native else torch.float32)
    assert network_dtype("float32") == torch.float32
    assert network_dtype("bfloat16") == torch.bfloat16


def test_an_unknown_precision_is_quoted() -> None:
    with pytest.raises(ValueError, match="got 'half'") as told:
        network_dtype("half")
    assert all(known in str(told.value) for known in PRECISIONS)


def test_the_type_holds_inside_the_context_only() -> None:
    layer, x = torch.nn.Conv2d(3, 3, 1), torch.rand(1, 3, 4, 4)
    with networks_in(torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    with networks_in(torch.float32):
        assert layer(x).dtype == torch.float32
    assert layer(x).dtype == torch.float32


def test_motion_is_computed_exactly_whatever_the_networks_around_it() -> None:
    """Its output is a small difference of large answers."""
    torch.manual_seed(0)
    adapter = Portrait3D.from_pretrained("small").motion_adapter
    rest, moved = torch.rand(2, 1, 3, adapter.config.pncc_size, adapter.config.pncc_size)
    with torch.no_grad():
        wanted = adapter(rest, rest, moved)
        with networks_in(torch.bfloat16):
            got = adapter(rest, rest, moved)
    assert torch.equal(got, wanted)


def test_gradients_do_not_depend_on_what_another_thread_leaves() -> None:
    """Torch keeps one store of converted weights for all threads, emptied by any that leaves."""
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 3, 3)
    pictures = torch.randn(2, 1, 3, 16, 16)

    def leave() -> None:
        with networks_in(torch.bfloat16):
            pass

    def gradient(*, disturbed: bool) -> torch.Tensor:
        with networks_in(torch.bfloat16):
            first = layer(pictures[0])
            if disturbed:
                thread = threading.Thread(target=leave)
                thread.start()
                thread.join()
            loss = (first.float() * pictures[0].sum()).sum() + (layer(pictures[1]).float() ** 2).sum()
        return torch.autograd.grad(loss, layer.weight)[0]

    assert torch.equal(gradient(disturbed=False), gradient(disturbed=True))
