"""The published comparison of whole frames, by hand."""

import pytest
import torch

from full_person import person_clip
from full_torso_training import QUICK, torso_people, torso_settings, torso_trainee
from portrait3d.training.full_torso_stage import FullTorsoStage
from portrait3d.training.full_torso_terms import clamped_l1, judged, torso_heed, torso_terms


def test_the_torso_and_what_is_near_counts_twice() -> None:
    mask = torch.zeros(1, 1, 512, 512)
    mask[..., 300:400, 100:200] = 1
    heed = torso_heed(mask)
    assert float(heed[0, 0, 280, 150]) == 1 and float(heed[0, 0, 279, 150]) == 0.5  # 20 pixels
    assert float(heed[0, 0, 419, 219]) == 1 and float(heed[0, 0, 420, 150]) == 0.5
    assert float((heed == 1).sum()) == 140 * 140


def test_differences_are_summed_over_colours_and_odd_ones_cut() -> None:
    wanted = torch.zeros(1, 3, 10, 10)
    got = wanted.clone()
    heed = torch.full((1, 1, 10, 10), 0.5)
    got[..., :3, :] = 0.2  # 30 pixels: 3 * 0.2 * 0.5 = 0.3, below the least cut
    assert float(clamped_l1(got, wanted, heed)) == pytest.approx(0.3 * 0.3)
    got[..., 0, :] = -2.0  # 10 pixels: 3, above the 0.8 quantile, which is 0.3, and cut at 0.5
    assert float(clamped_l1(got, wanted, heed)) == pytest.approx((10 * 0.5 + 20 * 0.3) / 100)
    got[..., :5, :] = -1.0  # half of all: 1.5 is the quantile
    assert float(clamped_l1(got, wanted, heed)) == pytest.approx(0.75)


@torch.no_grad()
def test_a_true_frame_costs_its_occlusion_alone_and_is_judged_as_it_is() -> None:
    from dataclasses import replace

    stage = FullTorsoStage(torso_trainee(), torso_people(), torso_settings())
    frame, shown = stage.draw(person_clip(QUICK))[0]
    true = replace(frame, picture=shown.picture(0) * 2 - 1)
    terms = torso_terms(true, shown, None)
    assert {name for name, value in terms.items() if float(value) > 1e-6} == {"occlusion"}
    assert terms.keys() == {"colour", "pyramid", "energy", "lip", "lip_detail", "occlusion"}
    drawn, right = judged(true, shown)
    assert torch.equal(drawn.picture, right.picture)
    assert drawn.raw.shape == right.raw.shape == (1, 3, QUICK.ray_grid, QUICK.ray_grid)
    assert drawn.camera.shape == (1, 25) and torch.equal(drawn.camera, right.camera)
    assert float(right.raw[0, :, 0, 0].max()) == -1  # the head before black
    assert float(right.raw.max()) > 0.5
