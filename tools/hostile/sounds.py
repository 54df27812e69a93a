"""Bad sounds, which `motion` is to turn into motion."""

from collections.abc import Callable, Iterator

import numpy as np

from hostile import damage
from hostile.case import EITHER, FILE, REFUSED, USED, Case
from hostile.recordings import RATE, sound_file, tone, video, wav

MOTION = ("motion", FILE, "-o", "out.npz", "--quiet")
Verdict = tuple[Callable[[], bytes], frozenset[int], str]


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (make, exits, word) in {**_headers(), **_samples(), **_codings(), **_damaged()}.items():
        build = lambda path, m=make: path.write_bytes(m())  # noqa: E731
        yield Case("audio", name, build, MOTION, exits, word, quick=name in QUICK)


QUICK = (
    "empty.wav",
    "a text.wav",
    "0 channels.wav",
    "NaN.wav",
    "20 ms.wav",
    "header cut to 20.wav",
    "a playlist.wav",
)


def _headers() -> dict[str, Verdict]:
    """WAV headers that lie."""
    speech = tone(2)
    found: dict[str, Verdict] = {
        "0 channels.wav": (lambda: wav(speech, channels=0), REFUSED, ""),
        "9 channels.wav": (lambda: wav(speech, channels=9), EITHER, ""),
        "255 channels.wav": (lambda: wav(speech, channels=255), REFUSED, ""),
        "65535 channels.wav": (lambda: wav(speech, channels=65535), REFUSED, ""),
        "kind 0.wav": (lambda: wav(speech, kind=0), EITHER, ""),
        "kind 65535.wav": (lambda: wav(speech, kind=0xFFFF), EITHER, ""),
        "kind mp3.wav": (lambda: wav(speech, kind=0x55), EITHER, ""),
        "kind gsm.wav": (lambda: wav(speech, kind=0x31), REFUSED, ""),
        "step 0.wav": (lambda: wav(speech, align=0), EITHER, ""),
        "step 65535.wav": (lambda: wav(speech, align=65535), EITHER, ""),
        "claims 4 GB.wav": (lambda: wav(speech, data_bytes=0xFFFFFFF0), USED, "header claims"),
        "claims a byte too many.wav": (
            lambda: wav(speech, data_bytes=2 * len(speech) + 1),
            USED,
            "header claims",
        ),
        "claims nothing.wav": (lambda: wav(speech, data_bytes=0), EITHER, ""),
        "claims half.wav": (lambda: wav(speech, data_bytes=len(speech)), USED, ""),
        "RF64 without ds64.wav": (lambda: wav(speech, riff=b"RF64"), EITHER, ""),
        "big-endian name.wav": (lambda: wav(speech, riff=b"RIFX"), EITHER, ""),
        "wrong name.wav": (lambda: wav(speech, riff=b"RIFE"), REFUSED, ""),
    }
    for rate in (0, 1, 8, 999, 2_000_000, 0x7FFFFFFF, 0xFFFFFFFF):
        found[f"{rate} Hz.wav"] = (lambda r=rate: wav(speech, r), REFUSED, "")
    for bits in (0, 1, 7, 12, 64, 128, 65535):
        found[f"{bits} bits.wav"] = (lambda b=bits: _with_bits(wav(speech), b), EITHER, "")
    return found


def _with_bits(data: bytes, bits: int) -> bytes:
    return data[:34] + bits.to_bytes(2, "little") + data[36:]


def _samples() -> dict[str, Verdict]:
    """Whole files with odd content."""
    speech = tone(2)
    draw = np.random.default_rng(0)
    noise = draw.uniform(-0.3, 0.3, speech.shape).astype(np.float32)
    holes, infinite = speech.copy(), speech.copy()
    holes[5000] = np.nan
    infinite[5000] = np.inf
    return {
        "silence.wav": (lambda: wav(0 * speech), USED, "silent"),
        "nearly silence.wav": (lambda: wav(speech * 2e-3), USED, "quiet"),
        "one loud sample.wav": (
            lambda: wav(np.where(np.arange(len(speech))[:, None] == 99, 1.0, 0.0)),
            USED,
            "",
        ),
        "direct current.wav": (lambda: wav(0 * speech + 0.5), USED, ""),
        "clipped.wav": (lambda: wav(np.clip(30 * speech, -1, 1)), USED, "clipped"),
        "noise.wav": (lambda: wav(noise), USED, "noise"),
        "NaN.wav": (lambda: wav(holes, bits=32), REFUSED, "not numbers"),
        "infinite.wav": (lambda: wav(infinite, bits=32), REFUSED, "not numbers"),
        "only NaN.wav": (lambda: wav(np.full_like(speech, np.nan), bits=32), REFUSED, "not numbers"),
        "far too loud.wav": (lambda: wav(speech * 1e6, bits=32), USED, "clipped"),
        "largest float.wav": (lambda: wav(np.full_like(speech, 3e38), bits=32), EITHER, ""),
        "denormal.wav": (lambda: wav(np.full_like(speech, 1e-40), bits=32), USED, "silent"),
        "no sample.wav": (lambda: wav(speech[:0]), REFUSED, "no sound"),
        "one sample.wav": (lambda: wav(speech[:1]), REFUSED, ""),
        "20 ms.wav": (lambda: wav(speech[: RATE // 50]), REFUSED, "0.02 s"),
        "99 ms.wav": (lambda: wav(speech[: RATE // 10 - 20]), REFUSED, "0.10 s"),
        "150 ms.wav": (lambda: wav(speech[: RATE * 3 // 20]), USED, ""),
        "8 kHz.wav": (lambda: wav(tone(2, 8000), 8000), USED, "8000 Hz"),
        "1001 Hz.wav": (lambda: wav(tone(2, 1001), 1001), USED, "1001 Hz"),
        "768 kHz.wav": (lambda: wav(tone(0.5, 768_000), 768_000), USED, ""),
        "six channels.wav": (lambda: wav(tone(2, channels=6)), USED, "6 channels"),
        "64 channels.wav": (lambda: wav(tone(1, channels=64)), EITHER, ""),
        "opposite channels.wav": (lambda: wav(np.concatenate([speech, -speech], 1)), USED, "cancel"),
        "one deaf channel.wav": (lambda: wav(np.concatenate([speech, 0 * speech], 1)), USED, ""),
        "24 bits.wav": (lambda: wav(speech, bits=24), USED, ""),
        "8 bits.wav": (lambda: wav(speech, bits=8), USED, ""),
    }


def _codings() -> dict[str, Verdict]:
    """Other codings, names that do not fit, and what is no sound."""
    return {
        "speech.flac": (lambda: sound_file("flac", "flac"), USED, ""),
        "speech.mp3": (lambda: sound_file("libmp3lame", "mp3"), USED, ""),
        "mp3 named wav.wav": (lambda: sound_file("libmp3lame", "mp3"), USED, "mp3"),
        "flac named mp3.mp3": (lambda: sound_file("flac", "flac"), USED, "flac"),
        "speech.opus": (lambda: sound_file("libopus", "ogg", rate=48_000), USED, ""),
        "speech.aac": (lambda: sound_file("aac", "adts"), USED, ""),
        "mu-law.wav": (lambda: sound_file("pcm_mulaw", "wav"), USED, ""),
        "adpcm.wav": (lambda: sound_file("adpcm_ms", "wav"), USED, ""),
        "big-endian.aiff": (lambda: sound_file("pcm_s16be", "aiff"), USED, ""),
        "lossless.mov": (lambda: sound_file("alac", "mov"), USED, ""),
        "a video with sound.mp4": (video, USED, ""),
        "a video without sound.mp4": (lambda: video(sound=False), REFUSED, "no sound"),
        "empty.wav": (lambda: b"", REFUSED, "empty"),
        "a text.wav": (lambda: b"speech\n" * 99, REFUSED, ""),
        "a playlist.wav": (lambda: b"#EXTM3U\nsecret.wav\n", REFUSED, ""),
        "a picture.wav": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), REFUSED, ""),
        "bare samples.wav": (lambda: wav(tone(2))[44:], REFUSED, ""),
    }


def _damaged() -> dict[str, Verdict]:
    """Cut and altered files."""
    found: dict[str, Verdict] = {}
    for length in (4, 11, 20, 36, 43):
        found[f"header cut to {length}.wav"] = (lambda n=length: wav(tone(2))[:n], REFUSED, "")
    for share in (0.2, 0.5, 0.9):
        found[f"cut at {share}.wav"] = (lambda s=share: damage.cut(wav(tone(2)), s), USED, "header claims")
        found[f"cut at {share}.flac"] = (
            lambda s=share: damage.cut(sound_file("flac", "flac"), s),
            EITHER,
            "",
        )
        found[f"cut at {share}.mp3"] = (
            lambda s=share: damage.cut(sound_file("libmp3lame", "mp3"), s),
            EITHER,
            "",
        )
    for seed in range(4):
        found[f"header altered {seed}.wav"] = (
            lambda s=seed: damage.flipped(wav(tone(2))[:44], s, 6) + wav(tone(2))[44:],
            EITHER,
            "",
        )
        found[f"altered {seed}.flac"] = (
            lambda s=seed: damage.flipped(sound_file("flac", "flac"), s, 30),
            EITHER,
            "",
        )
    return found
