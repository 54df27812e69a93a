"""Terms beside the pictures: each checked against its formula, and a clip's frames against what is held out."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from portrait3d.adaptation import PortraitAdaptation
from portrait3d.adaptation_terms import AdaptationTerms, HardFrames, blink_bend, published_plane_distance
from portrait3d.held_out import held_out_frames, judge_frames, judged_frames
from portrait3d.losses import second_difference
from portrait3d.published_adaptation import TERMS, WEIGHTS, PublishedAdaptation

ALL = AdaptationTerms(plane_distance=0.5, occlusion=0.1, blink=0.3, temporal=0.2)


def blinks() -> torch.Tensor:
    return torch.randint(256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def make(portrait, clip, kind=PortraitAdaptation, **options) -> PortraitAdaptation:
    return kind(portrait, clip, 0, plane_resolution=32, window=16, **options)


def long_clip(clip, count: int):
    return clip.take([i % len(clip) for i in range(count)])


def test_the_loss_is_the_weighted_sum_of_its_terms(portrait, clip) -> None:
    backbone = make(portrait, clip, terms=ALL, blinks=blinks())
    torch.nn.init.normal_(portrait.motion_adapter.out.weight, std=0.1)
    backbone.planes.data += 0.25
    weights = vars(backbone.weights) | vars(ALL) | {"plane_variation": backbone.plane_variation}
    met: set[str] = set()
    for seed in range(40):
        loss, terms = backbone.loss(torch.Generator().manual_seed(seed))
        wanted = sum(weights[name] * float(value.detach()) for name, value in terms.items())
        assert float(loss.detach()) == pytest.approx(wanted, rel=1e-5)
        met |= terms.keys()
        assert float(terms["plane_distance"].detach()) == pytest.approx(0.25, rel=1e-5)
    assert {"occlusion", "blink", "temporal"} <= met


def test_blink_and_temporal_terms_are_those_of_their_diff_planes(portrait, clip) -> None:
    torch.nn.init.normal_(portrait.motion_adapter.out.weight, std=0.1)
    backbone = make(portrait, clip, terms=AdaptationTerms(blink=1.0, temporal=1.0), blinks=blinks())
    layers = backbone.layers()
    adapter = portrait.motion_adapter
    seen: dict[str, float] = {}
    for seed in range(40):
        diff, terms = backbone.driven(1, layers, torch.Generator().manual_seed(seed))
        seen |= {name: float(value.detach()) for name, value in terms.items()}
    alone = adapter(layers.canonical, layers.source, clip.driving_pncc(1))
    torch.testing.assert_close(diff, alone, atol=1e-5, rtol=1e-4)
    lids = adapter(layers.canonical, layers.source, blinks().float() / 127.5 - 1)
    assert seen["blink"] == pytest.approx(
        4 * float((lids[1] - lids[[0, 2]].mean(0)).abs().mean().detach()), rel=1e-3
    )
    row = torch.cat([adapter(layers.canonical, layers.source, clip.driving_pncc(i)) for i in range(3)])
    assert seen["temporal"] == pytest.approx(4 * float(second_difference(row).detach()), rel=1e-3)


def test_a_straight_blink_costs_nothing() -> None:
    opened, closed = torch.randn(2, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    assert float(blink_bend(torch.stack([opened, (opened + closed) / 2, closed]))) < 1e-6
    assert float(blink_bend(torch.stack([opened, opened, closed]))) > 0.1


def test_published_plane_distance_by_frames() -> None:
    assert [published_plane_distance(n) for n in (5, 6, 250, 251)] == [1.0, 0.1, 0.1, 0.0]


def test_bad_weights_are_quoted() -> None:
    with pytest.raises(ValueError, match="temporal must be >= 0, got -1"):
        AdaptationTerms(temporal=-1)
    with pytest.raises(ValueError, match="hard_frames must be at most 1, got 2"):
        AdaptationTerms(hard_frames=2)


def test_hard_frames_are_sought() -> None:
    hard, base = HardFrames(20), torch.full((20,), 1 / 20)
    assert torch.allclose(hard.odds(base, 0.5), base), "nothing is known yet"
    for _ in range(30):
        hard.note(3, 3.0)
        hard.note(15, 1.0)
    odds = hard.odds(base, 0.5)
    assert float(odds.sum()) == pytest.approx(1.0)
    assert float(odds[3]) > 2 * float(odds[15])
    assert float(odds[15]) >= 0.5 / 20
    assert float(odds[4]) > float(odds[16]), "what is next to a hard frame is hard"
    before = hard.difficulty.clone()
    hard.note(3, float("nan"))
    assert torch.equal(hard.difficulty, before)


def test_held_out_frames_are_never_learned_from(portrait, clip) -> None:
    backbone = make(portrait, clip, held_out=[1, 2])
    assert backbone.odds[[1, 2]].sum() == 0
    assert float(backbone.odds.sum()) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="held out"):
        make(portrait, clip, held_out=range(len(clip)))


def test_stretches_are_spread_and_short_clips_are_left_whole(clip) -> None:
    assert held_out_frames(long_clip(clip, 60)) == []
    chosen = held_out_frames(long_clip(clip, 300))
    assert len(chosen) == 32
    starts = [i for i in chosen if i - 1 not in chosen]
    assert [b - a for a, b in pairwise(starts)] == [75, 75, 75]
    judged = judged_frames(chosen)
    assert len(judged) == 8
    assert all(i - 2 in chosen and i + 2 in chosen for i in judged)
    lost = long_clip(clip, 300)
    lost = replace(lost, confidence=lost.confidence.clone().index_fill_(0, torch.tensor(chosen[:3]), 0.0))
    assert set(held_out_frames(lost)) == set(chosen[3:])


def test_judging_knows_a_perfect_picture_and_leaves_everything_as_it_was(portrait, clip) -> None:
    backbone = make(portrait, clip, held_out=[2])
    first, second = backbone.judge(), backbone.judge()
    assert first == second
    assert first["score"] > 0 and 0 <= first["head_iou"] <= 1
    wrong = replace(clip, frames=255 - clip.frames)
    other = judge_frames(portrait, wrong, backbone.layers(), [2])
    assert other["psnr"] != first["psnr"]
    assert make(portrait, clip).judge() == {}
    with pytest.raises(ValueError, match="no frames"):
        judge_frames(portrait, clip, backbone.layers(), [])


def test_the_published_recipe_has_its_own_terms_layers_and_odds(portrait, clip) -> None:
    backbone = make(portrait, clip, PublishedAdaptation, terms=TERMS, blinks=blinks(), held_out=[2])
    assert set(backbone.static_parameters()) == {"planes"}
    tops = {name.split(".")[0] for name in backbone.lora_targets()}
    assert tops == {"motion_adapter", "super_resolution"}
    assert not any("encoder" in name for name in backbone.lora_targets())
    assert torch.equal(backbone.odds, torch.tensor([1.0, 1.0, 0.0, 1.0]) / 3)
    met: set[str] = set()
    for seed in range(20):
        loss, terms = backbone.loss(torch.Generator().manual_seed(seed))
        met |= terms.keys()
        weights = WEIGHTS | {"plane_distance": 1.0}  # three frames
        wanted = sum(weights[name] * float(value.detach()) for name, value in terms.items())
        assert float(loss.detach()) == pytest.approx(wanted, rel=1e-5)
    assert met == {*WEIGHTS, "plane_distance"}
