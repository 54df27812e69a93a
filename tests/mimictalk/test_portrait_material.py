"""What of a clip is held in memory to be learned from."""

from pathlib import Path

import pytest
import torch

import mimictalk
from face3dmm import FaceModel, lid_gaps, track_video
from face3dmm.track import FaceCoeffs, FaceTrack
from mimictalk import portrait_material
from mimictalk.adapting import MOST_FRAMES, adapt_clip
from mimictalk.portrait_material import EYES, LIDS, MOUTH, frames_to_learn, portrait_clip
from mimictalk.shut_eye_frames import ENOUGH, mouths_alike, shut_eye_frames

DEMO = Path(mimictalk.__file__).parent / "data" / "demo" / "reference.mp4"


def track_of(opening: torch.Tensor, confidence: torch.Tensor, eyes: float | torch.Tensor = 0.0) -> FaceTrack:
    count = len(opening)
    landmarks = torch.zeros(count, 478, 3)
    landmarks[:, EYES[1][1], 0] = 1
    landmarks[:, MOUTH[1], 1] = opening
    landmarks[:, LIDS[1][1], 1] = eyes
    still = torch.zeros(count, 3)
    coeffs = FaceCoeffs(
        torch.zeros(80), torch.zeros(count, 64), still, still.clone(), torch.zeros(count, 2), confidence
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


def test_of_a_long_clip_most_blinks_are_kept():
    eyes = torch.full((3000,), 0.3)
    eyes[100::300] = 0.02  # ten frames
    track = track_of(torch.zeros(3000), torch.ones(3000), eyes)
    # A fifth of the odds goes to two degrees alike, the rare one as if it were a hundredth of the other: 10 of
    # 29.9 to 1 of 1, that is 0.2 x 0.25 / 10 for each, thirty times the odds of another frame.
    kept = (frames_to_learn(track, 3000, 500) % 300 == 100).sum()
    assert int(kept) >= 9


def test_a_long_clip_with_few_trusted_frames_gives_those():
    confidence = torch.zeros(900)
    confidence[::9] = 1
    assert frames_to_learn(track_of(torch.rand(900), confidence), 900, 500).tolist() == list(range(0, 900, 9))


def test_the_posed_pncc_lies_on_the_face_and_is_drawn_for_who_asks():
    track = track_video(DEMO, max_seconds=1.0)
    told = portrait_clip(DEMO, track, None, lambda *_: None, posed=True)
    assert told.posed is not None
    assert told.posed.shape == (len(told), 3, 256, 256)
    seen = told.posed.amax(1) > 0
    rows, columns = torch.nonzero(seen[0], as_tuple=True)
    centre = torch.stack([columns.float().mean(), rows.float().mean()]) * 2  # of 512 pixels
    face = track.landmarks[0, :468, :2].mean(0)
    assert (centre - face).norm() < 15
    assert portrait_clip(DEMO, track, None, lambda *_: None).posed is None


def test_who_adapts_asks_for_it(tmp_path, monkeypatch):
    class AskedError(Exception):
        """Holds what was asked for."""

    def ask(*arguments, **options):
        raise AskedError(options)

    monkeypatch.setattr(portrait_material, "portrait_clip", ask)
    track_of(torch.zeros(30), torch.ones(30)).save(tmp_path / "track.safetensors")
    settings = {"steps": 1, "budget_s": None, "seed": 0, "preset": "small", "max_seconds": None}
    with pytest.raises(AskedError) as asked:
        adapt_clip(DEMO, tmp_path, **settings, progress=lambda *_: None)
    assert asked.value.args[0] == {"segmenter": None, "most": MOST_FRAMES, "posed": True}


def test_a_clip_gets_the_frames_with_shut_eyes_that_it_lacks():
    track = track_video(DEMO, max_seconds=2.0)
    clip = portrait_clip(DEMO, track, None, lambda *_: None, posed=True)
    held_out = list(range(20, 28))
    shut = shut_eye_frames(clip, track, 3, held_out)
    numbers = shut.in_video().tolist()
    gaps = lid_gaps(FaceModel.open_face(), track.landmarks[: len(clip)])
    usual = gaps.median(0).values
    blinks = [i for i in range(len(clip)) if (gaps[i] < 0.4 * usual).all() and i not in (3, *held_out)]
    assert numbers[0] == 3 and len(numbers) == 1 + ENOUGH - len(blinks)
    assert not set(numbers[1:]) & {3, *held_out, *blinks}
    assert shut.eyes is not None and clip.eyes is not None
    assert (shut.eyes < 0.5 * clip.eyes.median()).all()
    changed = (shut.frames != clip.frames[numbers]).any(-1).float().mean((1, 2))
    assert (changed > 0).all() and (changed < 0.05).all()
    for name in ("pncc", "posed"):
        assert (getattr(shut, name) != getattr(clip, name)[numbers]).flatten(1).any(1).all()
    # Shut enough for the eyeballs to be hidden, whose places alone are green and not blue.
    eyeballs = ((clip.posed[:, 2] == 0) & (clip.posed[:, 1] > 128)).sum((1, 2))
    hidden = ((shut.posed[:, 2] == 0) & (shut.posed[:, 1] > 128)).sum((1, 2))
    assert (hidden < 0.5 * eyeballs[numbers]).all() and hidden[0] < 0.15 * eyeballs[3]
    again = shut_eye_frames(clip, track, 3, held_out)
    assert torch.equal(again.frames, shut.frames)


def test_frames_are_chosen_for_all_degrees_of_the_mouth_alike():
    opening = torch.cat([torch.zeros(96), torch.tensor([0.1, 0.2, 0.3, 0.4])])
    assert mouths_alike(opening, list(range(100)), 5) == [0, 96, 97, 98, 99]
    assert mouths_alike(opening, [4, 98], 16) == [4, 98]
    assert mouths_alike(opening, [], 3) == mouths_alike(opening, [7], 0) == []
