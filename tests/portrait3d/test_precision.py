"""Networks in bfloat16 draw what they draw in float32, to what nobody sees."""

import math

import pytest
import torch

from portrait3d.drawing import PortraitRenderer
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D
from portrait3d.precision import PRECISIONS, network_dtype, networks_in

LEAST = 45.0  # dB, the project's bar for arithmetic that is rounded more


def a_picture_of_the_embedded_model(precision: str, clip) -> torch.Tensor:
    model = Portrait3D.from_pretrained("small")
    config, generator = model.config, torch.Generator().manual_seed(1)
    size, pncc = config.picture_size, config.pncc_size
    line = torch.linspace(-1, 1, pncc)
    rest = torch.stack([line.expand(pncc, pncc), line[:, None].expand(pncc, pncc), torch.zeros(pncc, pncc)])
    moved = rest.clone()
    moved[:, pncc // 2 : pncc // 2 + 20, pncc // 3 : -pncc // 3] += 0.05
    person = Identity(
        planes=model.image_to_plane.mean_planes.detach().reshape(3, config.plane_channels, *[config.plane_resolution] * 2),
        torso=torch.rand(4, size, size, generator=generator),
        background=torch.rand(3, size, size, generator=generator),
        canonical_pncc=rest,
        source_pncc=rest,
        source_keypoints=torch.zeros(config.torso_keypoints, 2),
    )  # fmt: skip
    renderer = PortraitRenderer(model, person, precision)
    keypoints = torch.full((config.torso_keypoints, 2), 0.03)
    return renderer.frame(moved, clip.camera_to_world[1], clip.intrinsics[1], keypoints)


def test_a_frame_in_bfloat16_is_that_in_float32(clip) -> None:
    fine, coarse = (a_picture_of_the_embedded_model(each, clip).float() for each in ("float32", "bfloat16"))
    error = float((fine - coarse).square().mean())
    assert error > 0  # it did compute in another type
    assert -10 * math.log10(error / 255**2) >= LEAST
    assert float(fine.std()) > 20  # there is something to see


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
