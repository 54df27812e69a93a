"""The synthetic mouths: what phonetics demands of them, whatever the style."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from face3dmm.arkit import ARKIT_NAMES
from synthetic_speech import clips, style, texts
from synthetic_speech.augment import change_speed, degrade
from synthetic_speech.face import talking_face
from synthetic_speech.mouth import LipGap, expression, lip_path, loudness_100hz
from synthetic_speech.phones import PHONES, parse

OPENERS = {"jawOpen": 0.19, "mouthClose": -0.19, "mouthFunnel": 0.1, "mouthLowerDownLeft": 0.014,
           "mouthLowerDownRight": 0.014, "mouthUpperUpLeft": 0.013, "mouthUpperUpRight": 0.013}  # fmt: skip


@pytest.fixture
def gap() -> LipGap:
    row = np.zeros(64)
    for name, value in OPENERS.items():
        row[ARKIT_NAMES.index(name)] = value
    return LipGap(row, ARKIT_NAMES)


def timed(symbols: str, length: float = 0.12) -> tuple[tuple[str, float, float], ...]:
    """Every symbol for the same time; "_" is a pause."""
    return tuple(
        ("" if s == "_" else s, round(i * length, 6), round((i + 1) * length, 6))
        for i, s in enumerate(symbols)
    )


def opening(symbols: str, gap: LipGap, seed: int = 0, length: float = 0.12, **changes: object) -> np.ndarray:
    """Lip gap at 25 fps over the gap of a loud "ah", for a random style without lead."""
    random = np.random.default_rng(seed)
    speaker = style.random_style(random)
    speaker = style.TalkingStyle(**{**speaker.__dict__, "lead": 0.0, "shut": 1.0, "smooth": 0.02, **changes})
    path = lip_path(timed(symbols, length), len(symbols) * length, speaker, random)
    return expression(path, speaker, gap, random) @ gap.row / speaker.gap


@pytest.mark.parametrize("sound", "pbm")
@pytest.mark.parametrize("seed", range(8))
def test_lips_touch_for_p_b_m_in_every_style(sound: str, seed: int, gap: LipGap) -> None:
    got = opening(f"aa{sound}aa", gap, seed)
    closed = got[6:9]  # frames within 0.24 to 0.36 s
    assert closed.min() < 0.03
    assert got[:4].max() > 0.3  # the vowel is open, so the lips did close


@pytest.mark.parametrize("seed", range(4))
def test_f_and_v_nearly_close_and_k_does_not(seed: int, gap: LipGap) -> None:
    assert opening("aafaa", gap, seed)[6:9].min() < 0.25 * opening("aakaa", gap, seed)[6:9].min()


def test_open_vowels_open_wider_than_close_ones(gap: LipGap) -> None:
    means = {v: np.mean([opening(f"t{v}{v}t", gap, s)[4:8].max() for s in range(12)]) for v in "aɛeiu"}
    assert means["a"] > means["ɛ"] > means["e"] > means["i"] > means["u"]


def test_rounding_and_spreading(gap: LipGap) -> None:
    random, speaker = np.random.default_rng(0), style.TalkingStyle()
    shapes = {
        v: expression(lip_path(timed(v * 4), 0.48, speaker, random), speaker, gap, random)[6] for v in "uia"
    }
    pucker, stretch = gap.index("mouthPucker"), gap.index("mouthStretchLeft")
    assert shapes["u"][pucker] > 4 * max(shapes["i"][pucker], shapes["a"][pucker])
    assert shapes["i"][stretch] > 4 * shapes["u"][stretch]


def test_rest_is_closed_and_the_mouth_leads_the_sound(gap: LipGap) -> None:
    still = {"rest": 0.0, "breath_chance": 0.0, "wander": 0.0, "jitter": 0.0}
    got = opening("______aaaa", gap, 1, **still)
    assert got[:12].max() < 0.05
    early = opening("______aaaa", gap, 1, **{**still, "lead": 0.12})
    assert early[16] > got[16] + 0.1


def test_loud_vowels_open_wider(gap: LipGap) -> None:
    speaker = style.TalkingStyle(loudness=0.5, jitter=0.0, wander=0.0)
    sizes = [
        lip_path(timed("taat"), 0.48, speaker, np.random.default_rng(0), np.full(48, level)).aperture.max()
        for level in (-10.0, 0.0, 5.0)
    ]
    assert sizes[0] < 0.9 * sizes[1] < 0.9 * sizes[2]


def test_shapes_stay_within_their_range(gap: LipGap) -> None:
    symbols = "".join(PHONES) * 2
    for seed in range(6):
        random = np.random.default_rng(seed)
        speaker = style.random_style(random)
        out = expression(lip_path(timed(symbols), len(symbols) * 0.12, speaker, random), speaker, gap, random)
        assert out.min() >= 0
        assert out.max() <= 1.2  # jaw and mouthClose are solved for the gap and may pass 1 a little
        assert np.isfinite(out).all()


def test_asymmetry_tilts_left_against_right(gap: LipGap) -> None:
    random, speaker = np.random.default_rng(0), style.TalkingStyle(asymmetry=0.4, smile=0.3)
    out = expression(lip_path(timed("iaia"), 0.48, speaker, random), speaker, gap, random)
    left, right = out[:, gap.index("mouthSmileLeft")], out[:, gap.index("mouthSmileRight")]
    assert left.mean() / right.mean() == pytest.approx(1.4 / 0.6, rel=0.05)


def test_ipa_is_read_symbol_by_symbol() -> None:
    assert parse("aɪ") == ("a", "ɪ")
    assert parse("tʃʲ") == ("t", "ʃ")
    assert parse("ɑː") == ("ɑ",)
    assert parse("(en)") == parse("") == parse("ʲ") == ()


def test_pauses_fill_what_nobody_speaks() -> None:
    spoken = [("a", 0.5, 0.7), ("", 0.7, 0.8), ("", 0.9, 1.0), ("b", 1.2, 1.4)]
    filled = clips._fill(spoken, 2.0)
    assert [symbol for symbol, _, _ in filled] == ["", "a", "", "b", ""]
    assert filled[0][1] == 0.0
    assert filled[-1][2] == 2.0
    assert all(a[2] == pytest.approx(b[1]) for a, b in pairwise(filled))


def test_texts_are_made_for_every_language() -> None:
    random = np.random.default_rng(0)
    for language in (*texts.WORDS, "latin", "hi"):
        words = texts.sentence(language, random).split()
        assert 4 <= len(words) <= 14


def test_degraded_sound_keeps_its_length_and_is_finite() -> None:
    sound = np.sin(np.arange(32000) / 7).astype(np.float32)
    for seed in range(20):
        out = degrade(sound, np.random.default_rng(seed), sound)
        assert out.shape == sound.shape
        assert np.isfinite(out).all()
        assert out.std() > 0
    assert change_speed(sound, 1.1).size == pytest.approx(32000 / 1.1, rel=0.002)


def test_a_whole_face_blinks_fully_and_nods(gap: LipGap) -> None:
    speaker = style.TalkingStyle(blinks=30, nod=0.06)
    sound = np.sin(np.arange(160_000) / 20).astype(np.float32) * np.repeat(np.tile([1.0, 0.1], 10), 8000)
    face = talking_face(timed("ta" * 40, 0.125), sound, 16000, speaker, gap, np.random.default_rng(0))
    assert face.expression.shape == (250, 64)
    assert face.expression[:, gap.index("eyeBlinkLeft")].max() == 1.0
    assert 0.01 < face.euler[:, 0].std() < 0.15
    loud = loudness_100hz(sound, 16000)
    assert (
        loud[50] - loud[150] < 0 or loud[20] > loud[70] + 10
    )  # loud and soft halves of a second differ by 20 dB
