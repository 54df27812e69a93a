"""An EG3D generator from a state dictionary with the official names, made here at a tiny size."""

import math

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from portrait3d.eg3d_generator import Eg3dGenerator, StyledConv
from portrait3d.errors import InputError
from portrait3d.training.generator_teacher import GeneratorTeacher, orbit_camera

Z, W, CHANNELS, GRID = 6, 8, 4, 8


def official_state() -> dict[str, torch.Tensor]:
    """Names and relative shapes as the official code saves them."""
    draw = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {}

    def put(name: str, *shape: int) -> None:
        state[name] = torch.randn(shape, generator=draw)

    def layer(name: str, wide_in: int, wide_out: int, kernel: int, side: int = 0) -> None:
        put(f"{name}.weight", wide_out, wide_in, kernel, kernel)
        put(f"{name}.bias", wide_out)
        put(f"{name}.affine.weight", wide_in, W)
        state[f"{name}.affine.bias"] = torch.ones(wide_in)
        if side:
            put(f"{name}.noise_const", side, side)
            put(f"{name}.noise_strength")
            state[f"{name}.resample_filter"] = torch.ones(4, 4) / 16

    def linear(name: str, wide_in: int, wide_out: int) -> None:
        put(f"{name}.weight", wide_out, wide_in)
        put(f"{name}.bias", wide_out)

    linear("backbone.mapping.embed", 25, W)
    linear("backbone.mapping.fc0", Z + W, W)
    linear("backbone.mapping.fc1", W, W)
    put("backbone.mapping.w_avg", W)
    put("backbone.synthesis.b4.const", 5, 4, 4)
    for side in (4, 8, 16):
        if side > 4:
            layer(f"backbone.synthesis.b{side}.conv0", 5, 5, 3, side)
            state[f"backbone.synthesis.b{side}.resample_filter"] = torch.ones(4, 4) / 16
        layer(f"backbone.synthesis.b{side}.conv1", 5, 5, 3, side)
        layer(f"backbone.synthesis.b{side}.torgb", 5, 3 * CHANNELS, 1)
    for number, wide in enumerate((CHANNELS, 6)):
        side = 2 * GRID << number
        layer(f"superresolution.block{number}.conv0", wide, 6, 3, side)
        layer(f"superresolution.block{number}.conv1", 6, 6, 3, side)
        layer(f"superresolution.block{number}.torgb", 6, 3, 1)
        state[f"superresolution.block{number}.resample_filter"] = torch.ones(4, 4) / 16
    linear("decoder.net.0", CHANNELS, 7)
    linear("decoder.net.2", 7, 1 + CHANNELS)
    return state


@pytest.fixture(scope="module")
def generator() -> Eg3dGenerator:
    return Eg3dGenerator(official_state())


def test_every_tensor_has_its_place(generator) -> None:
    state, own = official_state(), generator.state_dict()
    kept = {name: value for name, value in state.items() if "resample_filter" not in name}
    assert len(kept) == len(own)
    assert sum(v.numel() for v in kept.values()) == sum(v.numel() for v in own.values())
    assert torch.equal(own["blocks.1.conv0.weight"], state["backbone.synthesis.b8.conv0.weight"])
    assert torch.equal(
        own["enlarging.1.to_rgb.affine.weight"], state["superresolution.block1.torgb.affine.weight"]
    )


def test_mapping_by_hand(generator) -> None:
    state = official_state()
    z, camera = torch.randn(1, Z), torch.randn(1, 25)
    y = F.linear(
        camera, state["backbone.mapping.embed.weight"] / math.sqrt(25), state["backbone.mapping.embed.bias"]
    )
    x = torch.cat([v / v.square().mean().sqrt() for v in (z, y)], 1)
    for n in (0, 1):
        weight, bias = (state[f"backbone.mapping.fc{n}.{part}"] * 0.01 for part in ("weight", "bias"))
        x = F.leaky_relu(F.linear(x, weight / math.sqrt(weight.shape[1]), bias), 0.2) * math.sqrt(2)
    mean = state["backbone.mapping.w_avg"]
    assert torch.allclose(generator.w(z, camera, truncation=1.0), x, atol=1e-5)
    assert torch.allclose(generator.w(z, camera, truncation=0.25), mean + 0.25 * (x - mean), atol=1e-5)


def test_a_styled_convolution_by_hand() -> None:
    layer = StyledConv(torch.empty(3, 2, 3, 3), 4, up=False, side=5, clamp=None)
    with torch.no_grad():
        layer.weight.normal_()
        layer.noise_const.normal_()
        layer.noise_strength.fill_(0.5)
    x, w = torch.randn(1, 2, 5, 5), torch.randn(1, 4)
    style = w[0] @ layer.affine.weight.T / 2 + layer.affine.bias
    modulated = torch.einsum("oikl,i->oikl", layer.weight, style)
    modulated = modulated / modulated.flatten(1).norm(dim=1)[:, None, None, None]
    wanted = F.conv2d(x, modulated, padding=1) + 0.5 * layer.noise_const
    wanted = torch.where(wanted > 0, wanted, 0.2 * wanted) * math.sqrt(2)
    assert torch.allclose(layer(x, w, True), wanted, atol=1e-5)


def test_teacher_shows_one_head_from_several_sides(generator) -> None:
    teacher = GeneratorTeacher(generator, 32)
    one, again, other = (teacher.views(2, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.frames, again.frames)
    assert not torch.equal(one.frames, other.frames)
    assert one.frames.shape == (3, 32, 32, 3)
    assert float(one.frames.float().std()) > 1
    camera = orbit_camera(0.0, 0.0, 2.7)
    assert torch.allclose(one.intrinsics[0], torch.tensor([[4.2647, 0, 0.5], [0, 4.2647, 0.5], [0, 0, 1]]))
    w = generator.w(torch.randn(1, Z), torch.zeros(1, 25))
    picture, raw = generator.draw(generator.planes(w), w, camera[None], one.intrinsics[:1])
    assert picture.shape == (1, 3, 32, 32) and raw.shape == (1, 3, 8, 8)


def test_files_and_their_faults(tmp_path) -> None:
    state = official_state()
    save_file({f"G_ema.{name}": value for name, value in state.items()}, tmp_path / "teacher.safetensors")
    assert Eg3dGenerator.from_file(tmp_path / "teacher.safetensors").z_dim == Z
    for change, said in (
        ({"decoder.net.2.bias": None}, "1 tensors are missing, the first is decoder_out.bias"),
        ({"backbone.mapping.embed.weight": None}, "is missing"),
        ({"extra.weight": torch.zeros(1)}, "1 tensors are unknown, the first is extra.weight"),
        ({"decoder.net.2.bias": torch.zeros(2)}, "of another shape"),
    ):
        changed = {name: value for name, value in {**state, **change}.items() if value is not None}
        with pytest.raises(InputError, match=said):
            Eg3dGenerator(changed)
