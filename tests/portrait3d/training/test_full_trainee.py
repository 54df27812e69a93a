"""The published model learns through the same head stages."""

import pytest
import torch

from ball_training import ball_people, ball_settings
from portrait3d.full.config import FullConfig
from portrait3d.full.model import FullPortrait
from portrait3d.training.full_trainee import FullTrainee
from portrait3d.training.image_to_plane_stage import ImageToPlaneStage
from portrait3d.training.motion_stage import MotionStage
from portrait3d.training.run import train_stage
from portrait3d.training.teacher import PeopleTeacher

TINY_FULL = FullConfig(
    plane_channels=4, plane_depth=3, plane_resolution=64, picture_size=128, ray_grid=32, samples=6,
    importance_samples=6, decoder_hidden=8, w_dim=8, vit_depth=1, vit_dim=16, vit_heads=2, resnet_width=4,
    resnet_depths=(1, 1, 1, 1), aspp_width=8, feature_width=8, detail_width=8, mixing_width=8,
    adapter_dims=(8, 8, 16, 16), adapter_depths=(1, 1, 1, 1), adapter_heads=(1, 1, 2, 2), adapter_width=8,
    sr_width=8, has_torso=False,
)  # fmt: skip


def resized_people():
    """The ball's PNCC at the side that `full` takes."""
    from dataclasses import replace

    people = ball_people()
    for number, clip in enumerate(people.clips):
        large = clip.pncc.repeat_interleave(2, -1).repeat_interleave(2, -2)
        still = clip.canonical_pncc.repeat_interleave(2, -1).repeat_interleave(2, -2)
        people.clips[number] = replace(clip, pncc=large, canonical_pncc=still)
    return people


@pytest.mark.parametrize("stage", ["i2p", "motion"])
def test_head_stages_train_full(stage, tmp_path) -> None:
    torch.manual_seed(0)
    model = FullPortrait(TINY_FULL)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainee, people = FullTrainee(model), resized_people()
    settings = ball_settings(
        stage,
        sampling={"window": 0},
        optimisation={"steps": 2, "batch": 1},
        losses={"density": 0.25, "density_every": 1},
    )
    made = (
        ImageToPlaneStage(trainee, PeopleTeacher(people, at_rest=True), settings)
        if stage == "i2p"
        else MotionStage(trainee, people, settings)
    )
    result = train_stage(trainee, made, settings, tmp_path)
    assert result.skipped == 0 and result.terms["density"] >= 0
    changed = {n.split(".")[0] for n, v in model.state_dict().items() if not torch.equal(v, before[n])}
    learned = {"image_to_plane", "plane_grid", "decoder", "super_resolution"}
    assert changed == (learned if stage == "i2p" else learned | {"motion_adapter"})


def test_parts_of_a_picture_and_torsos_are_refused() -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="has_torso=False"):
        FullTrainee(
            FullPortrait(
                replace(
                    TINY_FULL, has_torso=True, torso_levels=3, torso_width=4, torso_channels=4, torso_depth=4
                )
            )
        )
