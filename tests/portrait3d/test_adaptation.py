import pytest
import torch

from portrait3d.adaptation import PortraitAdaptation
from portrait3d.clip import best_source_frame
from portrait3d.frame_loss import FOCUS_SHARE, LossWeights, training_window


def make(portrait, clip) -> PortraitAdaptation:
    return PortraitAdaptation(portrait, clip, 0, plane_resolution=32, window=16)


def test_every_static_tensor_and_every_target_layer_gets_a_gradient(portrait, clip) -> None:
    backbone = make(portrait, clip)
    torch.nn.init.normal_(
        portrait.motion_adapter.out.weight, std=0.1
    )  # else nothing before it has a gradient
    torch.nn.init.normal_(portrait.super_resolution.up2.weight, std=0.1)
    torch.nn.init.normal_(portrait.torso_warp.out.weight, std=0.1)
    backbone.torso.data[:3] = torch.rand(3, 128, 128)
    backbone.torso.data[3] = 0.5
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        backbone.loss(generator)[0].backward()
    modules = dict(portrait.named_modules())
    for name in backbone.lora_targets():
        gradient = modules[name].weight.grad
        assert gradient is not None and bool(gradient.abs().sum() > 0), name
    for name, (parameter, _) in backbone.static_parameters().items():
        assert parameter.grad is not None and bool(parameter.grad.abs().sum() > 0), name


def test_targets_are_adapter_decoder_super_resolution_and_torso(portrait, clip) -> None:
    targets = make(portrait, clip).lora_targets()
    assert {name.split(".")[0] for name in targets} == {
        "motion_adapter", "decoder", "super_resolution", "torso_warp"
    }  # fmt: skip
    assert not any("dwconv" in name for name in targets)


def test_loss_is_a_function_of_its_generator(portrait, clip) -> None:
    backbone = make(portrait, clip)
    losses = [float(backbone.loss(torch.Generator().manual_seed(5))[0].detach()) for _ in range(2)]
    assert losses[0] == losses[1]
    assert losses[0] != float(backbone.loss(torch.Generator().manual_seed(6))[0].detach())


def test_windows_stay_on_the_head(portrait, clip) -> None:
    whole = portrait.head_window(clip.camera_to_world[0], clip.intrinsics[0])
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        part = training_window(portrait, clip, 0, 12, generator)
        assert whole.top <= part.top and part.top + part.rows <= whole.top + whole.rows
        assert whole.left <= part.left and part.left + part.columns <= whole.left + whole.columns
        assert (part.rows, part.columns) == (12, 12)


def test_windows_reach_the_rim_of_the_head_as_often_as_chance_says(portrait, clip) -> None:
    """A centre drawn evenly over R rows puts a window of S rows on the first row with probability S / 2R."""
    whole = portrait.head_window(clip.camera_to_world[0], clip.intrinsics[0])
    generator = torch.Generator().manual_seed(0)
    tops = [training_window(portrait, clip, 0, 12, generator).top for _ in range(2000)]
    share = sum(top == whole.top for top in tops) / len(tops)
    wanted = (1 - FOCUS_SHARE) * 6.5 / whole.rows  # the top is cut to whole rows, so half a row more
    assert abs(share - wanted) < 4 * (wanted * (1 - wanted) / len(tops)) ** 0.5


def test_alpha_is_supervised(portrait, clip) -> None:
    """Without it the background layer swallows the head (performance notes, trial F)."""
    backbone = make(portrait, clip)
    optimizer = torch.optim.Adam([backbone.planes, *portrait.decoder.parameters()], lr=0.05)
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        optimizer.zero_grad()
        backbone.loss(generator)[0].backward()
        optimizer.step()
    with torch.no_grad():
        head = portrait.render_head(backbone.planes[None], clip.camera_to_world[:1], clip.intrinsics[:1])
    truth = head.window.take_pixels(clip.mask("head_mask", 0))
    inside, outside = head.alpha[truth > 0.9].mean(), head.alpha[truth < 0.1].mean()
    assert inside > 0.8
    assert outside < inside - 0.4


def test_source_frame_is_the_one_nearest_to_rest(clip) -> None:
    expression = torch.zeros(4, 64)
    expression[0], expression[3] = 1.0, 1.0
    expression[2, 0] = 0.01
    assert best_source_frame(clip, expression) == 1


def test_an_untracked_clip_is_refused(portrait, clip) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="trusted track"):
        make(portrait, replace(clip, confidence=torch.zeros(4)))


def test_negative_loss_weights_are_quoted() -> None:
    with pytest.raises(ValueError, match="energy must be >= 0, got -1"):
        LossWeights(energy=-1)
