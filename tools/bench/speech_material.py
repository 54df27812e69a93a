"""Who speaks in the benches of whole commands, and what: nothing of it shows or is anyone."""

from __future__ import annotations

import sys
import wave
from importlib import resources
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

RATE = 16000


def demo_speech() -> np.ndarray:
    """What `mimictalk demo` says: (n,) int16 at 16 kHz."""
    from talk_motion import load_audio

    demo = resources.files("mimictalk") / "data" / "demo" / "demo_speech.flac"
    with resources.as_file(demo) as spoken:
        samples: np.ndarray = (np.asarray(load_audio(spoken)) * 32767).astype("<i2")
    return samples


def write_demo_speech(path: Path, seconds: float) -> None:
    """So many seconds of it, over and over, 16 kHz mono WAV."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.resize(demo_speech(), round(seconds * RATE)).tobytes())


def untrained_avatar(folder: Path) -> Path:
    """An avatar that took no learning, in `folder`; it is drawn and costs as any other."""
    from tiny_avatar import write_tiny_avatar

    (folder / "adapter").mkdir()
    return write_tiny_avatar(folder / "nobody", folder / "adapter").path
