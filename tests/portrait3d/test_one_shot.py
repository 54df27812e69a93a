"""One-shot portraits: refinement learns the picture and nothing else, and what other views know of it."""

from dataclasses import replace

import pytest
import torch

from portrait3d.clip import PortraitClip
from portrait3d.drawing import PortraitRenderer
from portrait3d.identity import Identity
from portrait3d.one_shot import PictureViews, RefineConfig, one_shot_identity, refined_identity

QUICK = RefineConfig(steps=20, coarse_steps=150, window=16, plane_resolution=32, learning_rate=1.0)


@pytest.fixture
def picture(clip) -> PortraitClip:
    """The ball as one of its cameras sees it."""
    return clip.take([0])


@pytest.fixture
def views(clip) -> PictureViews:
    """The ball as the other cameras see it, known wherever it is."""
    others = clip.take([1, 2, 3])
    mask = others.head_mask[:, None].float() / 255
    pncc = torch.cat([others.driving_pncc(index) for index in range(3)])
    frames = others.frames.permute(0, 3, 1, 2).float() / 255
    return PictureViews(frames, mask, mask, 0 * mask, others.camera_to_world, others.intrinsics, pncc)


def error(portrait, identity: Identity, clip: PortraitClip, index: int) -> float:
    """Mean absolute error of a frame on the ball, of 255."""
    picture = clip.take([0])
    drawn = PortraitRenderer(portrait, identity).frame(
        picture.driving_pncc(0)[0], clip.camera_to_world[index], clip.intrinsics[index], clip.keypoints[index]
    )
    ball = clip.head_mask[index] > 0
    return float((drawn[ball].float() - clip.frames[index][ball]).abs().mean())


def test_unrefined_it_is_what_image_to_plane_says(portrait, picture) -> None:
    identity = one_shot_identity(portrait, picture)
    head = picture.picture(0) * 2 - 1
    mask = picture.mask("head_mask", 0)
    wanted = portrait.image_to_plane(head * mask - (1 - mask))
    assert torch.equal(identity.planes, wanted[0])
    assert torch.equal(identity.source_pncc, picture.driving_pncc(0)[0])


def test_refining_learns_the_picture_and_its_other_sides(portrait, picture, views, clip) -> None:
    """A decoder with random weights hardly heeds its planes: it takes large steps, and goes part of the way."""
    before = one_shot_identity(portrait, picture)
    after = refined_identity(portrait, picture, views, QUICK)
    for index in (0, 2):
        assert error(portrait, after, clip, index) < 0.75 * error(portrait, before, clip, index)


def test_a_guide_is_not_learned_from_one_expression(portrait, picture, views) -> None:
    posed = torch.full((1, 3, 64, 64), 128, dtype=torch.uint8)
    told = replace(picture, posed=posed)
    identity = refined_identity(portrait, told, views, replace(QUICK, steps=2, coarse_steps=2))
    assert identity.guide is None


def test_refining_leaves_the_network_alone(portrait, picture, views) -> None:
    before = {name: value.clone() for name, value in portrait.state_dict().items()}
    refined_identity(portrait, picture, views, replace(QUICK, steps=2, coarse_steps=2))
    assert all(torch.equal(value, before[name]) for name, value in portrait.state_dict().items())


def test_refining_is_a_function_of_its_seed(portrait, picture, views) -> None:
    short = replace(QUICK, steps=3, coarse_steps=1)
    first, again, other = (
        refined_identity(portrait, picture, views, replace(short, seed=seed)).planes for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_progress_counts_every_step(portrait, picture, views) -> None:
    seen = []
    refined_identity(
        portrait,
        picture,
        views,
        replace(QUICK, steps=2, coarse_steps=1),
        lambda done, total, terms: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"coarse_steps": -1}, {"turned": 1.5}, {"invented": -0.1}])
def test_settings_are_checked(wrong) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RefineConfig(**wrong)


def test_views_must_be_equally_many(views) -> None:
    with pytest.raises(ValueError, match="equally many"):
        replace(views, frames=views.frames[:1])
