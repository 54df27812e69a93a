"""The bench of talk-motion: what it measures is what it says."""

import numpy as np
import pytest
import torch

from bench import talk_person, talk_real
from bench.talk_ablations import SPEAKING, SYNC, VARIANTS
from bench.talk_style import CLOSURES, PAIRS, closed_share, style_statistics
from synthetic_speech.clips import Sound
from talk_clips import TalkClip
from talk_motion import AudioFeatures, MotionSequence
from talk_motion.person_tuning import TuningConfig
from train_talk_motion import parser, settings_of

GAP = torch.zeros(64)
GAP[17] = 0.2


def features(frames: int) -> AudioFeatures:
    generator = torch.Generator().manual_seed(0)
    sound = torch.randn(2 * frames, generator=generator)
    content = torch.randn(2 * frames, 64, generator=generator)
    return AudioFeatures(content, 0 * sound, 10 * sound, torch.ones(2 * frames))


def clip(frames: int, opening: torch.Tensor) -> TalkClip:
    expression = torch.zeros(frames, 64)
    expression[:, 17] = opening
    still = torch.zeros(frames, 3)
    return TalkClip("made", features(frames), expression, still, still, still[:, :2], opening)


def motion(**shapes: torch.Tensor) -> MotionSequence:
    expression = torch.zeros(250, 64)
    for index, value in shapes.items():
        expression[:, int(index[1:])] = value
    still = torch.zeros(250, 3)
    return MotionSequence.from_tracking(expression, still, still, still[:, :2])


def test_a_delay_of_one_frame_is_found_and_a_stranger_is_not_alike() -> None:
    truth = (
        torch.randn(200, generator=torch.Generator().manual_seed(1)).cumsum(0).diff(prepend=torch.zeros(1))
    )
    assert talk_real.best_correlation(truth.roll(-1), truth) == (pytest.approx(1.0, abs=0.02), 1)
    stranger = torch.randn(200, generator=torch.Generator().manual_seed(2))
    assert abs(talk_real.best_correlation(stranger, truth)[0]) < 0.35


def test_the_ridge_learns_what_the_sound_tells_and_nothing_else() -> None:
    made = clip(300, torch.zeros(300))
    told = made.features.content[::2, 0]
    random = torch.randn(300, generator=torch.Generator().manual_seed(5))
    likeness = [
        talk_real.correlation(talk_real.ridge(clip(300, wanted), 10.0), wanted) for wanted in (told, random)
    ]
    assert likeness[0] > 0.4 and abs(likeness[1]) < 0.25


def test_style_statistics_read_what_was_put_in() -> None:
    smile_left, smile_right = PAIRS[0]
    jaw = torch.linspace(0, 1, 250)
    blink = torch.zeros(250)
    blink[[30, 130, 230]] = 1.0
    made = motion(**{"i17": jaw, f"i{smile_left}": 0.6, f"i{smile_right}": 0.2, "i0": blink, "i7": blink})
    found = style_statistics(made, GAP)
    # nine tenths of 0.2; mean of 0.6 and 0.2; (0.6 - 0.2) / 0.8; three blinks in ten seconds
    torch.testing.assert_close(found, torch.tensor([0.18, 0.4, 0.5, 18.0]), rtol=0, atol=1e-3)


def test_closures_are_counted_where_they_are_spoken() -> None:
    opening = torch.ones(100)
    opening[40:43] = 0.0
    phones = (("a", 0.0, 1.6), ("p", 1.6, 1.72), ("a", 1.72, 2.8), ("m", 2.8, 2.92), ("a", 2.92, 4.0))
    assert {"p", "b", "m"} <= set(CLOSURES)
    assert closed_share(opening, Sound(np.zeros(64000), phones, np.zeros(400), ())) == (1, 2)


def test_folds_leave_out_what_they_judge() -> None:
    made = clip(100, torch.arange(100.0))
    rest = talk_person.without(made, 20, 40)
    assert rest.motion.frames == rest.audio.frames == 80
    assert not set(rest.motion.expression[:, 17].tolist()) & set(range(20, 40))


def test_every_frame_is_drawn_once_and_short_clips_are_not_tuned(monkeypatch) -> None:
    made = clip(120, torch.rand(120, generator=torch.Generator().manual_seed(2)))
    from talk_motion import MotionModel

    model = MotionModel.from_pretrained("small")
    plain, tuned, kept, _ = talk_person.cross_validated(model, made, TuningConfig())
    assert len(plain) == len(tuned) == 120 and kept == 0
    assert torch.equal(plain, tuned)


def test_variants_are_different_settings() -> None:
    told = {
        name: settings_of(parser().parse_args(["--work", "w", *SYNC, *options]))
        for name, options in VARIANTS.items()
    }
    assert told["no-flow"].losses.objective == "regression" and SPEAKING["no-flow"]["steps"] == 1
    assert told["style-vector"].model["style"] == "vector"
    assert told["no-sync"].losses.sync == 0 < told["full"].losses.sync
    assert len({str(value) for value in told.values()}) == 4
