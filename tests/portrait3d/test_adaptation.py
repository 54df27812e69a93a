from dataclasses import replace

import pytest
import torch

from portrait3d.adaptation import PortraitAdaptation
from portrait3d.clip import best_source_frame, frame_odds
from portrait3d.frame_loss import ATTENTION, FOCUS_SHARE, LossWeights, attention, training_window


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


def test_frames_with_shut_eyes_are_learned_from_and_planes_begin_with_the_first(portrait, clip) -> None:
    shut = clip.take([0, 2])
    shut = replace(shut, frames=255 - shut.frames, pncc=255 - shut.pncc)
    plain = make(portrait, clip)
    backbone = PortraitAdaptation(portrait, clip, 0, plane_resolution=32, window=16, shut=shut, held_out=[1])
    assert len(backbone.odds) == len(clip) + 2
    assert backbone.odds[1] == 0 and (backbone.odds[-2:] > 0).all()
    assert not torch.equal(backbone.planes, plain.planes)
    assert torch.equal(backbone.source_pncc, plain.source_pncc)
    for number, (held, place) in ((2, (clip, 2)), (len(clip) + 1, (shut, 1))):
        got, found = backbone.taken(number)
        assert got is held and found == place
    backbone.odds = torch.zeros(len(clip) + 2).index_fill(0, torch.tensor([len(clip)]), 1.0)
    of_shut = float(backbone.loss(torch.Generator().manual_seed(5))[0].detach())
    backbone.odds = torch.zeros(len(clip) + 2).index_fill(0, torch.tensor([0]), 1.0)
    assert of_shut != float(backbone.loss(torch.Generator().manual_seed(5))[0].detach())


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

    with pytest.raises(ValueError, match="trusted track"):
        make(portrait, replace(clip, confidence=torch.zeros(4)))


def test_negative_loss_weights_are_quoted() -> None:
    with pytest.raises(ValueError, match="energy must be >= 0, got -1"):
        LossWeights(energy=-1)


def test_rare_openings_are_learned_from_more_often(clip) -> None:
    """Nine closed frames and one wide open: of 0.3 of the draws the open one gets 8 : 9 against all others,
    since no degree counts as rarer than an eighth of the commonest."""
    opening = torch.zeros(10)
    opening[7] = 1.0
    odds = frame_odds(opening, torch.ones(10))
    rare = 1 / max(1, 9 / 8)
    assert float(odds[7]) == pytest.approx(0.07 + 0.3 * rare / (rare + 9 / 9))
    assert float(odds.sum()) == pytest.approx(1.0)


def test_blinks_are_learned_from_more_often() -> None:
    """Of 99 frames two are closed and one half closed: none of three degrees has more than the others of the
    eyes' fifth, but for what is below a hundredth of the commonest, and here nothing is."""
    eyes = torch.full((99,), 0.3)
    eyes[[4, 5]], eyes[6] = 0.05, 0.14
    odds = frame_odds(torch.zeros(99), torch.ones(99), eyes)
    same = 0.8 / 99  # for mouths all alike, too
    assert odds[[4, 5]].tolist() == pytest.approx([same + 0.2 / 3 / 2] * 2)
    assert float(odds[6]) == pytest.approx(same + 0.2 / 3)
    assert float(odds.sum()) == pytest.approx(1.0)


def test_frames_without_a_trusted_track_are_never_drawn(clip) -> None:
    confidence = torch.ones(len(clip))
    confidence[1] = 0
    odds = frame_odds(clip.opening, confidence)
    assert float(odds[1]) == 0
    assert float(odds.sum()) == pytest.approx(1.0)


def test_attention_is_on_mouth_and_eyes() -> None:
    focus = torch.tensor([[0.5, 0.75], [0.35, 0.4], [0.65, 0.4]])
    heed = attention(focus, 200)[0, 0]
    for x, y in focus.tolist():
        assert float(heed[int(y * 200), int(x * 200)]) == pytest.approx(1 + ATTENTION, abs=0.05)
    assert float(heed[0].max()) == pytest.approx(1.0, abs=1e-3)
    across = heed[150]  # the mouth's standard deviation is 0.4 of the distance between the eyes: 24 pixels
    assert float(across[100 + 24] - 1) == pytest.approx(ATTENTION * 0.6065, rel=0.05)
