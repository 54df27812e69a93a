"""Features of pieces are those of the whole."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from talk_motion import AudioFeatures, InputError, extract_features
from talk_motion.feature_stream import FeatureStream, RawStream, statistics_of
from talk_motion.features import SoundStatistics
from talk_motion.sound_frames import MARGIN, RawSound, measure

Speech = Callable[..., np.ndarray]
PARTS = ("content", "pitch", "energy", "voiced")


def whole_statistics(sound: np.ndarray) -> SoundStatistics:
    padded = torch.nn.functional.pad(torch.as_tensor(sound), (MARGIN, MARGIN + -len(sound) % 640))
    return SoundStatistics.of(measure(padded))


@pytest.mark.parametrize("cuts", [[], [1, 2, 300, 641, 20_000], list(range(0, 48_000, 777))])
def test_pieces_are_the_whole(speech: Speech, cuts: list[int]) -> None:
    sound = speech(3.01)
    statistics = whole_statistics(sound)
    stream = FeatureStream(statistics)
    pieces = [stream.push(part) for part in np.split(sound, cuts)] + [stream.finish()]
    found, whole = AudioFeatures.join(pieces), extract_features(sound)
    assert found.frames == whole.frames
    for name in PARTS:
        torch.testing.assert_close(getattr(found, name), getattr(whole, name), rtol=0, atol=2e-4)


def test_statistics_read_in_pieces_are_those_of_the_whole(speech: Speech) -> None:
    sound = np.concatenate([speech(20.0), np.zeros(20_000, np.float32), 0.3 * speech(15.0, seed=1)])
    found, whole = statistics_of(lambda: np.array_split(sound, 23)), whole_statistics(sound)
    assert found.level == pytest.approx(whole.level, abs=0.02)
    torch.testing.assert_close(found.mean, whole.mean, rtol=0, atol=0.005)
    torch.testing.assert_close(found.deviation, whole.deviation, rtol=0, atol=0.01)
    assert found.octave == pytest.approx(whole.octave, abs=0.02)
    assert found.quiet == pytest.approx(whole.quiet, abs=0.1)


def test_silence_and_nothing_have_statistics() -> None:
    silence = np.zeros(16_000, np.float32)
    found, whole = statistics_of(lambda: [silence]), whole_statistics(silence)
    assert (found.level, found.octave) == (whole.level, whole.octave) == (-60.0, 0.0)
    torch.testing.assert_close(found.mean, whole.mean)
    assert statistics_of(list).level == -60.0


def test_what_is_kept_of_a_stream_does_not_grow(speech: Speech) -> None:
    stream = RawStream()
    sound = speech(5.0)
    frames = sum(len(stream.push(part)) for part in np.array_split(sound, 50))
    rest = stream.tail()
    assert frames + len(rest) == 250
    assert len(rest) <= 2
    joined = RawSound.join([rest, rest])
    assert len(joined) == 2 * len(rest)


def test_bad_pieces_are_refused() -> None:
    stream = RawStream()
    for bad, words in ((np.zeros((2, 3)), "shape"), (np.array([np.nan]), "not finite")):
        with pytest.raises(InputError, match=words):
            stream.push(bad)
