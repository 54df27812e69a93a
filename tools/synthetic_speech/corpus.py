"""A corpus of synthetic speech on disk: sound at 16 kHz and phones; mouths are drawn later, per training
batch."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from .mouth import Phones
from .synthesisers import VOICES, Voice, espeak_voice, say
from .texts import sentence

SAMPLE_RATE = 16000


@dataclass(frozen=True)
class Utterance:
    """One sentence: int16 samples (n,), phones, and who spoke."""

    samples: np.ndarray
    phones: Phones
    voice: str


class Corpus:
    """Sentences read from a folder that `make_corpus` wrote; sound stays on disk (memory map)."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text())
        self._sound = np.memmap(folder / "sound.i16", np.int16, "r")
        self._items = index["utterances"]
        self.voices: dict[str, list[int]] = {}
        for number, item in enumerate(self._items):
            self.voices.setdefault(item["voice"], []).append(number)
        self.seconds = self._sound.size / SAMPLE_RATE

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> Utterance:
        item = self._items[number]
        samples = np.asarray(self._sound[item["start"] : item["start"] + item["count"]])
        return Utterance(samples, tuple((s, a, b) for s, a, b in item["phones"]), item["voice"])


def make_corpus(folder: Path, minutes: float, seed: int, espeak_share: float = 0.4) -> None:
    """Speaks sentences until `minutes` are full. The same seed and synthesiser versions give the same corpus.

    Args:
        folder: written to; an existing corpus is replaced.
        minutes: how much sound.
        seed: of texts, voices, speeds.
        espeak_share: part of the sentences by espeak-ng's formant voices, the rest by recorded voices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    items, total, began, failed = [], 0, time.monotonic(), 0
    with (folder / "sound.part").open("wb") as file:
        while total < minutes * 60 * SAMPLE_RATE:
            voice = (
                espeak_voice(random)
                if random.random() < espeak_share
                else VOICES[random.integers(len(VOICES))]
            )
            speed = float(np.exp(random.normal(0.05, 0.15)))
            text = sentence(voice.language, random)
            try:
                item = _speak(voice, text, speed, random)
            except RuntimeError:
                failed += 1
                continue
            if item is None:
                continue
            file.write(item.samples.tobytes())
            items.append(
                {"start": total, "count": item.samples.size, "phones": item.phones, "voice": item.voice}
            )
            total += item.samples.size
            if len(items) % 100 == 0:
                done = total / SAMPLE_RATE / 60
                left = (time.monotonic() - began) / done * (minutes - done)
                print(f"{done:.1f} of {minutes:.0f} min, {failed} refused, {left:.0f} s left", flush=True)
    (folder / "sound.part").replace(folder / "sound.i16")
    about = {"seed": seed, "minutes": minutes, "espeak_share": espeak_share, "utterances": items}
    (folder / "index.part").write_text(json.dumps(about))
    (folder / "index.part").replace(folder / "index.json")


def _speak(voice: Voice, text: str, speed: float, random: np.random.Generator) -> Utterance | None:
    spoken = say(voice, text, speed, float(random.uniform(0.2, 0.8)), float(random.uniform(0.2, 0.9)))
    if spoken.samples.size < spoken.sample_rate // 2 or sum(bool(p[0]) for p in spoken.phones) < 4:
        return None
    common = np.gcd(SAMPLE_RATE, spoken.sample_rate)
    sound = resample_poly(spoken.samples, SAMPLE_RATE // common, spoken.sample_rate // common)
    sound = sound / max(1e-4, float(np.abs(sound).max())) * 0.7
    phones = tuple((s, round(a, 4), round(b, 4)) for s, a, b in spoken.phones)
    return Utterance((sound * 32767).astype(np.int16), phones, f"{voice.program}:{voice.name}")
