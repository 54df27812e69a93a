"""Sound from any common file as 16 kHz mono, in step with the picture, or a sentence that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .sound_decoding import decode

JUDGED = 600.0  # seconds of a long sound by which it is judged
BLOCK = 10.0  # seconds of a block of a sound that is read in blocks


@dataclass(frozen=True)
class AudioClip:
    """Samples (n,) float32 in [-1, 1] with their rate, and what was odd about the file."""

    samples: np.ndarray
    sample_rate: int
    warnings: tuple[str, ...]


class SoundFile:
    """The sound of a file that is never held as a whole: mono, decoded anew whenever it is read.

    Opening decodes it once, to know its length, which channels it has and what is odd about it.

    Args:
        path: audio or video file.
        sample_rate: rate in Hz.

    Attributes:
        length: samples.
        warnings: as of `read_audio`; of a sound over ten minutes its first ten are judged.

    Raises:
        InputError: as `load_audio`.
    """

    def __init__(self, path: str | Path, sample_rate: int = 16000) -> None:
        self.path, self.sample_rate, self.length = Path(path), sample_rate, 0
        found: list[str] = []
        judged: list[np.ndarray] = []
        powers, mixed = np.zeros(1), 0.0
        for block in decode(self.path, sample_rate, found):
            powers = powers + (block.astype(np.float64) ** 2).sum(axis=1)
            mixed += float((block.mean(axis=0, dtype=np.float64) ** 2).sum())
            if self.length < JUDGED * sample_rate:
                judged.append(block)
            self.length += block.shape[1]
        self._loudest, mixing = _cancelling(powers, mixed)
        sample = self._mono(np.concatenate(judged, axis=1))
        self.warnings = tuple(found + mixing + _oddities(sample, sample_rate))

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples, in blocks (n,) of 10 s, float32 in [-1, 1]."""
        size, held, parts = round(BLOCK * self.sample_rate), 0, list[np.ndarray]()
        for block in decode(self.path, self.sample_rate, []):
            parts.append(self._mono(block))
            held += block.shape[1]
            if held >= size:
                whole = np.concatenate(parts)
                yield whole[:size]
                parts, held = [whole[size:]], held - size
        if held:
            yield np.concatenate(parts)

    def _mono(self, channels: np.ndarray) -> np.ndarray:
        mono = channels.mean(axis=0) if self._loudest is None else channels[self._loudest]
        return np.clip(np.ascontiguousarray(mono, np.float32), -1.0, 1.0)


def load_audio(path: str | Path, sample_rate: int = 16000) -> np.ndarray:
    """Reads the sound of an audio or video file; see `read_audio` for what was odd about it.

    Args:
        path: audio or video file.
        sample_rate: rate of the result in Hz.

    Returns:
        Mono samples (n,), float32 in [-1, 1]. Sample 0 belongs to the first video frame where there is one.

    Raises:
        InputError: the file is missing, empty, not sound, damaged beyond use, or holds numbers that are none.
    """
    return read_audio(path, sample_rate).samples


def read_audio(path: str | Path, sample_rate: int = 16000) -> AudioClip:
    """As `load_audio`, with the warnings: low rate, many channels, clipping, silence, noise, damage."""
    found: list[str] = []
    channels = np.concatenate(list(decode(Path(path), sample_rate, found)), axis=1)
    mono = channels.mean(axis=0)
    powers = (channels.astype(np.float64) ** 2).sum(axis=1)
    loudest, mixing = _cancelling(powers, float((mono.astype(np.float64) ** 2).sum()))
    samples = np.ascontiguousarray(mono if loudest is None else channels[loudest], np.float32)
    warnings = found + mixing + _oddities(samples, sample_rate)
    return AudioClip(np.clip(samples, -1.0, 1.0), sample_rate, tuple(warnings))


def _cancelling(powers: np.ndarray, mixed: float) -> tuple[int | None, list[str]]:
    """The loudest channel where the mean of all cancels them (opposite phase), else None; and a warning."""
    count = len(powers)
    if count > 1 and mixed < 0.02 * powers.max():
        return int(powers.argmax()), [f"{count} channels cancel each other: only the loudest one is used"]
    return None, [f"{count} channels are mixed to one"] if count > 2 else []


def _oddities(samples: np.ndarray, sample_rate: int) -> list[str]:
    """What a listener would complain about."""
    peak = float(np.abs(samples).max())
    if peak < 1e-4:
        return ["the sound is silent: the mouth will stay at rest"]
    warnings = []
    if (np.abs(samples) >= 0.995).mean() > 0.005:
        warnings.append("the sound is clipped (recorded too loud)")
    block = max(1, sample_rate // 10)
    blocks = samples[: samples.size // block * block].reshape(-1, block)
    loudness = 10 * np.log10(np.percentile((blocks**2).mean(axis=1), 95) + 1e-12)
    if loudness < -45:
        warnings.append(f"the sound is very quiet ({loudness:.0f} dB); it is amplified")
    spectrum = (np.abs(np.fft.rfft(blocks * np.hanning(block), axis=1)) ** 2).mean(axis=0) + 1e-12
    flatness = np.exp(np.log(spectrum).mean()) / spectrum.mean()
    if flatness > 0.5:
        warnings.append("it sounds like noise, not speech: the mouth will hardly move")
    return warnings
