"""Sound and exact motion of the demo: a computed voice and face, free to ship.

    .venv/bin/python -m synthetic_speech.demo OUT_FOLDER      (from the folder tools)

Writes demo_reference.flac with demo_reference.safetensors (expression, euler, translation, gaze at 25 fps)
and demo_speech.flac. The voice is "rms" of flite (CMU Arctic, free).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from .clips import SAMPLE_RATE
from .face import talking_face
from .face_model import open_face_gap
from .mouth import FPS
from .phones import PAUSE
from .style import TalkingStyle
from .synthesisers import Voice, say

VOICE = Voice("flite", "rms", "en")
REFERENCE = (
    "Hello. I am nobody. My face was computed, and so was my voice.",
    "Maybe you move your lips more than I do: paper, bubble, family, window, above.",
)
SPEECH = ("Everything you see and hear was made by this computer.", "Nobody was filmed, and nobody spoke.")
STYLE = TalkingStyle(
    gap=0.085, smile=0.15, smile_swing=0.06, asymmetry=0.08, blinks=16, nod=0.045, turn=0.05, wander=0.1
)
PAUSE_SECONDS = 0.35


def speak(sentences: tuple[str, ...]) -> tuple[np.ndarray, tuple[tuple[str, float, float], ...]]:
    """Sentences with pauses between them: samples at 16 kHz and phones that tile them."""
    parts, phones, at = [], [], 0.0
    quiet = np.zeros(int(PAUSE_SECONDS * SAMPLE_RATE), np.float32)
    for text in sentences:
        spoken = say(VOICE, text, speed=0.95)
        assert spoken.sample_rate == SAMPLE_RATE
        for piece, names in ((spoken.samples, spoken.phones), (quiet, ((PAUSE, 0.0, PAUSE_SECONDS),))):
            phones += [(name, start + at, end + at) for name, start, end in names]
            parts.append(piece)
            at += piece.size / SAMPLE_RATE
    samples = np.concatenate(parts)
    frame = SAMPLE_RATE // FPS
    samples = samples[: samples.size // frame * frame]
    return (samples * 0.7 / np.abs(samples).max()).astype(np.float32), tuple(phones)


def write_flac(path: Path, samples: np.ndarray) -> None:
    """16-bit mono FLAC."""
    import av

    with av.open(str(path), "w", format="flac") as out:
        stream = out.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        data = np.round(samples * 32767).astype(np.int16)
        for start in range(0, data.size, 4096):
            frame = av.AudioFrame.from_ndarray(data[None, start : start + 4096], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    samples, phones = speak(REFERENCE)
    face = talking_face(phones, samples, SAMPLE_RATE, STYLE, open_face_gap(), np.random.default_rng(7))
    write_flac(folder / "demo_reference.flac", samples)
    parts = {name: torch.from_numpy(getattr(face, name)).float() for name in face.__dataclass_fields__}
    about = {"fps": str(FPS), "source": "tools/synthetic_speech/demo.py"}
    (folder / "demo_reference.safetensors").write_bytes(save(parts, about))
    speech, _ = speak(SPEECH)
    write_flac(folder / "demo_speech.flac", speech)
    seconds = len(face.expression) / FPS, speech.size / SAMPLE_RATE
    print(f"{seconds[0]:.1f} s of reference, {seconds[1]:.1f} s of speech in {folder}")


if __name__ == "__main__":
    main()
