"""Head, torso and background: sizes, constants, what may influence what, folding."""

from dataclasses import replace

import pytest
import torch
from tiny_torso import drawn, person, tiny_config, tiny_model
from torch import nn

from portrait3d.full.config import FullConfig
from portrait3d.full.folding import fold
from portrait3d.full.head_torso_background import HeadTorsoBackground

FUSIONS = ("v1", "v2", "v3", "concat")


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_published_parameter_counts() -> None:
    """Counted from the published modules, less their six noise strengths, which the renderer turns off."""
    with torch.device("meta"):
        model = HeadTorsoBackground(FullConfig())
    assert count(model) == 54_970_087 - 6
    assert count(model.torso_warp) == 48_437_175
    assert count(model.torso_warp.appearance) == 843_904
    assert count(model.torso_warp.motion) == 38_853_043
    assert count(model.torso_warp.generator) == 8_711_939
    assert count(model.background_encoder) == 739_584


@pytest.mark.parametrize("fusion", FUSIONS)
def test_pictures_have_their_sizes(fusion: str) -> None:
    model = tiny_model(fusion=fusion)
    out = model(**drawn(2), constants=model.constants(**person(2)))
    assert out.picture.shape == (2, 3, 64, 64)
    assert out.torso.shape == (2, 3, 32, 32)
    assert out.motion_occlusion.shape == (2, 1, 8, 8)
    for mask in (out.torso_occlusion, out.head_alpha, out.person_mask):
        assert mask.shape == (2, 1, 32, 32) and mask.min() >= 0 and mask.max() <= 1


@pytest.mark.parametrize("fusion", FUSIONS)
def test_kept_constants_change_nothing(fusion: str) -> None:
    model = tiny_model(fusion=fusion, torso_input="rgb_alpha")
    kept = model.constants(**person())
    with torch.no_grad():
        for seed in range(2):
            fresh = model(**drawn(seed=seed), constants=model.constants(**person()))
            again = model(**drawn(seed=seed), constants=kept)
            assert all(torch.equal(a, b) for a, b in zip(fresh, again, strict=True))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_constants_of_one_person_serve_a_batch(fusion: str) -> None:
    model = tiny_model(fusion=fusion)
    constants, frames = model.constants(**person()), drawn(3)
    together = model(**frames, constants=constants).picture
    for index in range(3):
        frame = {name: value[index : index + 1] for name, value in frames.items()}
        alone = model(**frame, constants=constants).picture
        torch.testing.assert_close(together[index : index + 1], alone, rtol=1e-4, atol=1e-5)


def everything_is(model: HeadTorsoBackground, logit: float) -> None:
    """Make the torso hide everything, or nothing."""
    last = model.torso_warp.alpha[-2]
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, logit)


@pytest.mark.parametrize("fusion", FUSIONS[:3])
def test_a_hidden_background_has_no_influence(fusion: str) -> None:
    model = tiny_model(fusion=fusion)
    constants = model.constants(**person())
    other = constants._replace(background=model.background_constants(-person()["background"]))
    seen = [model(**drawn(), constants=c).picture for c in (constants, other)]
    assert (seen[0] - seen[1]).abs().max() > 0.1  # switched where it shows
    everything_is(model, 100.0)
    hidden = [model(**drawn(), constants=c).picture for c in (constants, other)]
    assert torch.equal(*hidden)


@pytest.mark.parametrize("fusion", FUSIONS[:3])
def test_nobody_in_front_leaves_the_background_alone(fusion: str) -> None:
    model = tiny_model(fusion=fusion)
    everything_is(model, -200.0)
    nobody = {**drawn(), "opacity": torch.zeros(1, 1, 16, 16)}
    someone_else = {**drawn(seed=5), "opacity": torch.zeros(1, 1, 16, 16)}
    a, b = person(), person(seed=7)
    b["background"] = a["background"]
    first = model(**nobody, constants=model.constants(**a)).picture
    second = model(**someone_else, constants=model.constants(**b)).picture
    assert torch.equal(first, second)


def test_the_threshold_makes_the_head_opaque() -> None:
    frames, known = drawn(), person()
    soft = tiny_model(head_threshold=None)
    hard = tiny_model(head_threshold=0.5)
    everything_is(soft, -200.0)
    everything_is(hard, -200.0)
    alpha = soft(**frames, constants=soft.constants(**known)).person_mask
    masked = hard(**frames, constants=hard.constants(**known)).person_mask
    assert ((alpha > 0.5) & (alpha < 1)).any()
    assert torch.equal(masked, torch.where(alpha > 0.5, 1.0, alpha))


def test_v3_lets_at_most_a_twentieth_of_the_head_be_translucent() -> None:
    model = tiny_model(fusion="v3", head_threshold=0.01)
    everything_is(model, -200.0)
    nn.init.zeros_(model.head_alpha[-2].weight)
    nn.init.constant_(model.head_alpha[-2].bias, 100.0)  # the prediction keeps the rendered alpha
    out = model(**drawn(), constants=model.constants(**person()))
    present = out.head_alpha > 0.05
    translucent = present & (out.person_mask < 1)
    assert 0 < translucent.sum() <= 0.05 * present.sum() + 1
    model.train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
            layer.eval()
    trained = model(**drawn(), constants=model.constants(**person()))
    assert not (present & (trained.person_mask < 1)).any()  # in training the threshold alone decides


def test_predicted_alpha_never_exceeds_the_rendered() -> None:
    model = tiny_model(fusion="v3")
    frames, constants = drawn(), model.constants(**person())
    rendered = torch.nn.functional.interpolate(frames["opacity"], (32, 32), mode="bilinear")
    assert (model(**frames, constants=constants).head_alpha <= rendered).all()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_folded_draws_the_same(fusion: str) -> None:
    model = tiny_model(fusion=fusion)
    frames, known = drawn(2), person()
    with torch.no_grad():
        expected = model(**frames, constants=model.constants(**known))
        fold(model)
        folded = model(**frames, constants=model.constants(**known))
    for a, b in zip(expected, folded, strict=True):
        torch.testing.assert_close(b, a, rtol=0, atol=1e-5 * a.abs().max().item())
    assert not any(isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d) for layer in model.modules())


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_weight_learns_and_opacity_does_not(fusion: str) -> None:
    model = tiny_model(fusion=fusion).train()
    frames = drawn(2)
    for value in frames.values():
        value.requires_grad_()
    out = model(**frames, constants=model.constants(**person(2)))
    sum(value.square().mean() for value in out).backward()
    idle = {name for name, p in model.named_parameters() if p.requires_grad and p.grad is None}
    # Without alpha there is no picture that grows from block to block.
    assert all(name.startswith("block0.to_rgb.") for name in idle) if fusion == "concat" else not idle
    assert frames["opacity"].grad is None
    assert frames["raw"].grad is None if fusion == "concat" else frames["raw"].grad.abs().sum() > 0


def test_a_tenth_of_the_gradient_reaches_the_motion() -> None:
    model = tiny_model()
    bias = model.torso_warp.motion.occlusion.bias
    assert bias is not None
    constants = model.constants(**person())
    occlusion = model(**drawn(), constants=constants).motion_occlusion
    (gradient,) = torch.autograd.grad(occlusion.sum(), bias)
    own = (occlusion * (1 - occlusion)).sum()  # derivative of the sigmoid
    torch.testing.assert_close(gradient[0], 0.1 * own.detach())


def test_sizes_come_from_the_config() -> None:
    wide = HeadTorsoBackground(replace(tiny_config(), sr_width=16))
    assert count(wide) > count(HeadTorsoBackground(tiny_config()))
