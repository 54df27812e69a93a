"""Motion channels: the lip gap is exact and what is decoded is what was meant."""

import pytest
import torch

from talk_motion.space import MotionSpace


def test_decode_is_undone_by_encode(space: MotionSpace) -> None:
    motion = torch.randn(50, space.channels, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(space.to_motion(space.to_expression(motion)), motion, rtol=1e-3, atol=1e-3)


def test_first_channel_is_the_lip_gap(space: MotionSpace) -> None:
    expression = torch.rand(20, 64, generator=torch.Generator().manual_seed(2))
    motion = space.to_motion(expression)
    torch.testing.assert_close(motion[:, 0] * space.scale[0] + space.mean[0], expression @ space.gap)


def test_only_the_mouth_is_written(space: MotionSpace) -> None:
    written = space.to_expression(torch.randn(5, space.channels))
    assert (written[:, ~space.mouth] == 0).all()


def test_ambiguous_coefficients_give_the_same_motion(space: MotionSpace) -> None:
    # A change of the coefficients that moves no landmark must not move the channels.
    expression = torch.rand(64, generator=torch.Generator().manual_seed(3))
    unseen = torch.linalg.svd(space.encode, full_matrices=True).Vh[space.channels :]
    torch.testing.assert_close(
        space.to_motion(expression + 3 * unseen[0]), space.to_motion(expression), rtol=1e-3, atol=1e-3
    )


def test_wrong_shapes_are_quoted(space: MotionSpace) -> None:
    with pytest.raises(ValueError, match=r"mean must have shape \(6,\), got \(5,\)"):
        MotionSpace(space.encode, space.decode, torch.zeros(5), space.scale, space.gap, space.mouth)
