"""Torso and background cut out of a clip: where masks say, neck told from clothes by the colour of the face."""

import torch

from full_person import person_clip
from portrait3d.full.surroundings import neck_and_clothes, surroundings_of
from tiny_full import TINY


def test_a_torso_is_the_frame_inside_its_mask_and_black_away_from_it():
    clip = person_clip(TINY)
    around = surroundings_of(clip, 2, 64, "none")
    torso = clip.torso_mask[2] == 255
    frame = clip.frames[2].permute(2, 0, 1).float() / 127.5 - 1
    torch.testing.assert_close(around.torso[0][:, torso], frame[:, torso], atol=1e-6, rtol=0)
    assert around.keypoints.equal(clip.keypoints[2:3])
    plate = clip.background.permute(2, 0, 1).float() / 127.5 - 1
    assert around.background[0].equal(plate)
    extended = surroundings_of(clip, 2, 64).torso[0]
    beside = torch.ones(64, 64, dtype=torch.bool)
    beside[:, 26:38] = False  # the neck's columns, which are stretched upwards
    assert (extended[:, beside & (torch.arange(64)[:, None] < 40)] == -1).all()
    under_the_head = (clip.head_mask[2] == 255) & (torch.arange(64)[:, None] > 40)
    assert (extended[:, under_the_head] > -1).any(), "the neck goes on under the head"


def test_skin_is_neck_whatever_its_brightness_and_cloth_is_clothes():
    frame = torch.zeros(64, 64, 3, dtype=torch.uint8)
    frame[:32] = torch.tensor([200, 140, 105])
    frame[32:44] = torch.tensor([100, 70, 52])  # the same skin at half the light
    frame[44:56] = torch.tensor([60, 60, 200])
    frame[56:] = torch.tensor([30, 21, 16])  # as brown as skin, too dark for it
    torso = torch.zeros(64, 64, dtype=torch.uint8)
    torso[32:] = 255
    torso[32:, :8] = 100
    neck, clothes = neck_and_clothes(frame, torso, torch.tensor([[0.5, 0.4], [0.4, 0.2], [0.6, 0.2]]))
    assert (neck + clothes).equal(torso)
    assert (neck[32:44] == torso[32:44]).all() and not neck[44:].any()
    assert (clothes[44:] == torso[44:]).all() and not clothes[:44].any()


def test_a_face_out_of_the_picture_leaves_all_to_the_clothes():
    frame, torso = torch.full((8, 8, 3), 90, dtype=torch.uint8), torch.full((8, 8), 255, dtype=torch.uint8)
    neck, clothes = neck_and_clothes(frame, torso, torch.full((3, 2), -3.0))
    assert not neck.any() and clothes.equal(torso)
