"""The decoder's products in bfloat16, by the arithmetic of AVX512_BF16 written out for any processor."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from random_scene import Scene, make_scene, render
from triplane_render import DecoderWeights, _backend, render_planes, rendering
from triplane_render.decoder import SIGMOID_MARGIN


def rounded(tensor: Tensor) -> Tensor:
    """The nearest bfloat16, in the type of `tensor`."""
    return tensor.to(torch.bfloat16).to(tensor.dtype)


def decode_rounded(decoder: DecoderWeights, plane_features: Tensor) -> tuple[Tensor, Tensor]:
    """As `decode_reference`, but factors of the two products are rounded; the density's product is not."""
    hidden = F.softplus(F.linear(rounded(plane_features), rounded(decoder.w1), decoder.b1))
    features = F.linear(rounded(hidden), rounded(decoder.w2[1:]), decoder.b2[1:])
    if decoder.feature_activation == "sigmoid":
        features = torch.sigmoid(features) * (1 + 2 * SIGMOID_MARGIN) - SIGMOID_MARGIN
    return F.linear(hidden, decoder.w2[:1], decoder.b2[:1])[..., 0], features


def make_short(**shape: object) -> Scene:
    scene = make_scene(**shape).to(torch.float32)
    return replace(scene, planes=scene.planes.to(torch.bfloat16))


@pytest.fixture
def written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_backend.INSTRUCTION_SET_VARIABLE, "portable_bf16")


@pytest.mark.parametrize("activation", ["sigmoid", "none"])
@pytest.mark.parametrize(
    ("channels", "hidden", "features"), [(24, 20, 11), (5, 7, 3), (32, 64, 32), (1, 1, 1)]
)
def test_factors_are_rounded_and_sums_are_not(
    channels: int, hidden: int, features: int, activation: str,
    written_out: None, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scene = make_short(rays=50, channels=channels, hidden=hidden, features=features)
    got = render(scene, render_planes, activation, samples=13).output
    exact = render(scene, activation=activation, samples=13).output
    monkeypatch.setattr(rendering, "decode_reference", decode_rounded)
    wanted = render(scene, activation=activation, samples=13).output
    for name in ("features", "depth", "opacity"):
        value, error = getattr(wanted, name), (getattr(got, name) - getattr(wanted, name)).abs()
        # Sums in another order differ by 1e-6 or so; where that moves a factor over the middle between two
        # bfloat16, by its share of 2^-8. Rare, so that the middle value is as in float32.
        assert error.median() <= 2e-6 * value.abs().max(), name
        assert error.max() <= 2**-8 * value.abs().max(), name
    distance = (wanted.features - exact.features).abs().mean()
    assert (got.features - wanted.features).abs().mean() < 0.1 * distance


def test_the_error_is_that_of_eight_bits(written_out: None) -> None:
    scene = make_short(rays=200, channels=32, hidden=64, features=32, size=(20, 20))
    got, exact = render(scene, render_planes, samples=24).output, render(scene, samples=24).output
    psnr = -10 * torch.log10((got.features - exact.features).square().mean())
    assert psnr > 45  # of features in 0..1


def test_gradients_stay_close(written_out: None) -> None:
    scene = make_short(rays=50, channels=24, hidden=20, features=11)
    got, exact = render(scene, render_planes, samples=13).gradients, render(scene, samples=13).gradients
    for name, value in exact.items():
        cosine = F.cosine_similarity(got[name].flatten().float(), value.flatten().float(), 0)
        assert cosine > 0.999, name


def test_other_planes_are_not_rounded(written_out: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for dtype in (torch.float32, torch.float16, torch.float64):
        scene = make_scene(rays=50).to(torch.float64 if dtype == torch.float64 else torch.float32)
        scene = replace(scene, planes=scene.planes.to(dtype))
        monkeypatch.setenv(_backend.INSTRUCTION_SET_VARIABLE, "portable_bf16")
        got = render(scene, render_planes, samples=7).output.features
        monkeypatch.setenv(_backend.INSTRUCTION_SET_VARIABLE, "portable")
        assert torch.equal(got, render(scene, render_planes, samples=7).output.features), dtype


def test_nan_stays_with_its_rays(written_out: None) -> None:
    scene = make_short(rays=50, size=(6, 8))
    broken = scene.planes.clone()
    broken[0, 0, 0, 0, 0] = float("nan")
    clean = render(scene, render_planes, samples=7).output.features
    got = render(replace(scene, planes=broken), render_planes, samples=7).output.features
    hit = got.isnan().any(-1)
    assert 0 < hit.sum() < hit.numel()
    assert torch.equal(got[~hit], clean[~hit])
