"""Controls of a motion, from maths: what they scale, what they hold, what they refuse."""

import math

import pytest
import torch

from face3dmm.camera import rotation_from_euler
from mimictalk.errors import InputError
from mimictalk.motion_controls import EYE_BLINK, HEAD_RANGE, MotionControls, RestingFace, angles_in
from talk_motion import MotionModel, MotionSequence

FRAMES = 40
PLACE = torch.tensor([0.1, -0.2, 0.3])


@pytest.fixture(scope="module")
def space():
    return MotionModel.from_pretrained("small").space


@pytest.fixture(scope="module")
def rest(space) -> RestingFace:
    """Lips that touch (no gap), somewhat narrowed lids."""
    channels = torch.linspace(-1, 1, space.channels)
    channels[0] = -space.mean[0] / space.scale[0]  # no lip gap
    return RestingFace(space, space.to_expression(channels), torch.tensor([0.1, 0.2]), PLACE)


@pytest.fixture(scope="module")
def motion(space, rest) -> MotionSequence:
    """A talking, blinking, turning person; lids open by `rest.lids` between blinks."""
    generator = torch.Generator().manual_seed(3)
    drawn = 2 * torch.randn(FRAMES, space.channels, generator=generator)
    expression = torch.where(space.mouth, space.to_expression(drawn), 0.3)
    closing = torch.linspace(0, 1, FRAMES)
    for lid, opened in zip(EYE_BLINK, rest.lids, strict=True):
        expression[:, lid] = opened + (1 - opened) * closing
    euler = 0.1 * torch.randn(FRAMES, 3, generator=generator)
    return MotionSequence(expression, euler, PLACE + euler, euler[:, :2], closing)


def channels(motion: MotionSequence, space) -> torch.Tensor:
    return motion.expression @ space.encode.T


def test_without_a_control_nothing_changes(motion, rest):
    assert MotionControls().applied(motion, rest) is motion


def test_amplitude_0_keeps_the_resting_lips(motion, rest, space):
    still = MotionControls(mouth=0).applied(motion, rest)
    wanted = (rest.mouth @ space.encode.T).expand(FRAMES, -1)
    torch.testing.assert_close(channels(still, space), wanted, rtol=0, atol=1e-5)
    assert torch.equal(still.expression[:, ~space.mouth], motion.expression[:, ~space.mouth])


@pytest.mark.parametrize("factor", [0.5, 1.5, 2.0])
def test_amplitude_scales_the_way_from_rest_in_every_channel(motion, rest, space, factor):
    found, before = (
        channels(MotionControls(mouth=factor).applied(motion, rest), space),
        channels(motion, space),
    )
    still = rest.mouth @ space.encode.T
    wanted = still + factor * (before - still)
    opened = before[:, 0] > still[0]
    assert 5 < int(opened.sum()) < FRAMES
    torch.testing.assert_close(found[:, 1:], wanted[:, 1:], rtol=0, atol=1e-4)
    torch.testing.assert_close(found[opened, 0], wanted[opened, 0], rtol=0, atol=1e-5)
    if factor > 1:  # lips that touch are not pushed into each other
        torch.testing.assert_close(found[~opened, 0], before[~opened, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.7, 2.0])
def test_a_resting_mouth_stays_as_it_is(motion, rest, space, factor):
    resting = torch.where(space.mouth, rest.mouth, motion.expression)
    still = MotionSequence(resting, motion.euler, motion.translation, motion.gaze, motion.blink)
    # Channels other than the mouth's entries move as the face does: what is left of them is no mouth's.
    still_rest = RestingFace(space, resting[0], rest.lids, PLACE)
    moved = MotionControls(mouth=factor).applied(still.slice(0, 1), still_rest)
    torch.testing.assert_close(moved.expression, still.expression[:1], rtol=0, atol=1e-6)


def test_blinks_off_keep_the_lids_open(motion, rest):
    awake = MotionControls(blink=0).applied(motion, rest)
    opened = rest.lids.expand(FRAMES, 2)
    torch.testing.assert_close(awake.expression[:, EYE_BLINK], opened, rtol=0, atol=1e-6)
    assert float(awake.blink.max()) == 0
    others = [index for index in range(64) if index not in EYE_BLINK]
    assert torch.equal(awake.expression[:, others], motion.expression[:, others])


@pytest.mark.parametrize("factor", [0.5, 1.6])
def test_blinks_are_scaled(motion, rest, factor):
    found = MotionControls(blink=factor).applied(motion, rest)
    closing = (factor * torch.linspace(0, 1, FRAMES)).clamp(max=1)[:, None]
    wanted = rest.lids + (1 - rest.lids) * closing
    torch.testing.assert_close(found.expression[:, EYE_BLINK], wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.blink, closing[:, 0], rtol=0, atol=1e-6)


def test_a_fixed_pose_is_that_pose(motion, rest):
    held = MotionControls(head=(18.0, 0.0, 0.0)).applied(motion, rest)
    turned = rotation_from_euler(held.euler) @ torch.tensor([0.0, 0.0, 1.0])
    towards = torch.tensor([math.sin(math.radians(18)), 0.0, math.cos(math.radians(18))])  # subject's left
    torch.testing.assert_close(turned, towards.expand(FRAMES, 3), rtol=0, atol=1e-6)
    assert torch.equal(held.translation, PLACE.expand(FRAMES, 3))
    nod = MotionControls(head=(-5.0, 10.0, 15.0)).applied(motion, rest).euler  # pitch, yaw, roll
    torch.testing.assert_close(torch.rad2deg(nod), torch.tensor([[10.0, -5.0, 15.0]]).expand(FRAMES, 3))


def test_gaze(motion, rest):
    assert MotionControls(gaze=(0.0, 0.0)).applied(motion, rest).gaze.abs().max() == 0
    aside = torch.rad2deg(MotionControls(gaze=(12.0, -6.0)).applied(motion, rest).gaze)
    torch.testing.assert_close(aside, torch.tensor([[-6.0, 12.0]]).expand(FRAMES, 2))  # pitch, yaw


def test_pieces_are_changed_as_the_whole(motion, rest):
    controls = MotionControls(mouth=1.3, blink=0.4, gaze=(5.0, 0.0), head=(1.0, 2.0, 3.0))
    whole = controls.applied(motion, rest)
    parts = [controls.applied(motion.slice(start, start + 10), rest) for start in range(0, FRAMES, 10)]
    joined = MotionSequence.join(parts)
    for name in ("expression", "euler", "translation", "gaze", "blink"):
        torch.testing.assert_close(getattr(joined, name), getattr(whole, name), rtol=0, atol=1e-6)


def test_the_resting_face_of_a_clip_has_open_lids_and_closed_lips(motion, space):
    found = RestingFace.of(motion.expression, PLACE, space)
    closing = motion.expression[:, EYE_BLINK].sort(dim=0).values
    assert (closing[FRAMES // 5 - 1] <= found.lids).all() and (found.lids <= closing[FRAMES // 5]).all()
    gaps = (motion.expression @ space.gap).abs()
    assert abs(float(found.mouth @ space.gap)) <= float(gaps.median())
    nobody = RestingFace.of(None, PLACE, space)
    assert not nobody.mouth.any() and not nobody.lids.any()


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, MotionControls()),
        ({"blink": "auto", "gaze": "auto", "pose": "static"}, MotionControls()),
        ({"blink": "none"}, MotionControls(blink=0)),
        ({"blink": "0.5", "mouth": 2}, MotionControls(mouth=2, blink=0.5)),
        ({"gaze": "forward"}, MotionControls(gaze=(0, 0))),
        ({"gaze": "-10, 5.5"}, MotionControls(gaze=(-10, 5.5))),
        ({"pose": "-20,12,+15"}, MotionControls(head=(-20, 12, 15))),
        ({"pose": "clip.mp4"}, MotionControls()),
    ],
)
def test_options(options, wanted):
    assert MotionControls.of(**options) == wanted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mouth": 2.01}, "--mouth: 2.01 is out of range\nGive 0 to 2."),
        ({"mouth": -0.5}, "--mouth: -0.5 is out of range"),
        ({"mouth": math.nan}, "--mouth: nan is out of range"),
        ({"blink": "often"}, "--blink: 'often' is no way to blink\nGive auto, none or 0 to 2."),
        ({"blink": "3"}, "--blink: 3 is out of range"),
        ({"blink": "-1"}, "--blink: -1 is out of range"),
        ({"blink": "inf"}, "--blink: 'inf' is no way to blink"),
        ({"gaze": "up"}, "--gaze: 'up' is no direction\nGive auto, forward or YAW,PITCH in degrees"),
        ({"gaze": "1,2,3"}, "--gaze: '1,2,3' is no direction"),
        ({"gaze": "21,0"}, "--gaze: a yaw of 21 degrees is out of range\nGive -20 to 20 degrees."),
        ({"pose": "0,-13,0"}, "--pose: a pitch of -13 degrees is out of range\nGive -12 to 12 degrees."),
        ({"pose": "0,0,1000"}, "--pose: a roll of 1000 degrees is out of range"),
    ],
)
def test_what_is_refused(options, said):
    with pytest.raises(InputError) as refused:
        MotionControls.of(**options)
    assert str(refused.value).startswith(said)


def test_the_edges_of_the_range_are_in_it():
    edges = tuple(HEAD_RANGE.values())
    assert MotionControls(head=edges).head == edges
    assert angles_in("1,2,3", 3) == (1, 2, 3)
    assert angles_in("1,2", 3) is angles_in("a,b,c", 3) is angles_in("1e3,0,0", 3) is None
