"""Which frames of a clip are held in memory to be learned from."""

import torch

from face3dmm.track import FaceCoeffs, FaceTrack
from mimictalk.portrait_material import EYES, MOUTH, frames_to_learn


def track_of(opening: torch.Tensor, confidence: torch.Tensor) -> FaceTrack:
    count = len(opening)
    landmarks = torch.zeros(count, 478, 3)
    landmarks[:, EYES[1][1], 0] = 1
    landmarks[:, MOUTH[1], 1] = opening
    still = torch.zeros(count, 3)
    coeffs = FaceCoeffs(
        torch.zeros(80), torch.zeros(count, 64), still, still, torch.zeros(count, 2), confidence
    )
    return FaceTrack(coeffs, landmarks, torch.zeros(count, 4), source_hash="0", crop=(0, 0, 512))


def test_all_of_a_short_clip_is_kept():
    track = track_of(torch.zeros(80), torch.ones(80))
    assert frames_to_learn(track, 80, 80).tolist() == list(range(80))
    assert frames_to_learn(track, 60, 80).tolist() == list(range(60))


def test_of_a_long_clip_trusted_frames_spread_over_it_and_rare_mouths_are_kept():
    opening = torch.zeros(3000)
    opening[:150] = 0.5  # a twentieth is wide open
    confidence = torch.ones(3000)
    confidence[1000:1100] = 0
    track = track_of(opening, confidence)
    numbers = frames_to_learn(track, 3000, 500)
    assert len(numbers) == len(set(numbers.tolist())) == 500
    assert (numbers.diff() > 0).all()
    assert not ((numbers >= 1000) & (numbers < 1100)).any()
    assert torch.equal(numbers, frames_to_learn(track, 3000, 500))
    # Two degrees of opening, the rare one as if it were an eighth of the other: 0.7 x 150 / 2900 and
    # 0.3 x 0.437 / 1.437 make 0.127, 64 of the first 500 draws, some of them of frames that are drawn already.
    assert 45 < int((numbers < 150).sum()) < 80
    for third in range(3):
        assert int(((numbers >= 150) & (numbers // 1000 == third)).sum()) > 80


def test_a_long_clip_with_few_trusted_frames_gives_those():
    confidence = torch.zeros(900)
    confidence[::9] = 1
    assert frames_to_learn(track_of(torch.rand(900), confidence), 900, 500).tolist() == list(range(0, 900, 9))
