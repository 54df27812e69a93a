"""Make the material of `mimictalk demo`: a computed person with a computed voice, and a second speech.

    .venv/bin/python tools/make_demo.py            (needs flite; about 5 minutes)

Writes reference.mp4 and speech.flac into packages/mimictalk/src/mimictalk/data/demo. Nobody real is shown or heard.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

TOOLS = Path(__file__).resolve().parent
FOLDER = TOOLS.parent / "packages/mimictalk/src/mimictalk/data/demo"
PERSON = 5
# Decimetres: a head of about half the picture's height, its middle a little above the picture's.
PLACE = np.array([0.0, 0.35, -8.5], np.float32)
LARGEST = 1_500_000  # bytes of the clip: it ships inside the package
ALGORITHMIC = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"


def stereo_48k(samples: np.ndarray, rate: int) -> Iterator[np.ndarray]:
    """Mono samples (n,) as the (n, 2) blocks at 48 kHz that the video writer takes."""
    yield np.repeat(np.repeat(samples[:, None], 48000 // rate, axis=0), 2, axis=1)


def main() -> int:
    """Make both files; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--person", type=int, default=PERSON, help="seed of the synthetic person")
    options = parser.parse_args()
    torch.set_num_threads(1)
    from face3dmm import rotation_from_euler
    from mimictalk.video_writer import VideoWriter
    from synthetic_heads.batches import make_clip
    from synthetic_heads.motion import Motion
    from synthetic_heads.rendering import HEAD_PIVOT
    from synthetic_speech import demo
    from synthetic_speech.clips import SAMPLE_RATE
    from synthetic_speech.face import talking_face
    from synthetic_speech.face_model import open_face_gap

    samples, phones = demo.speak(demo.REFERENCE)
    generator = np.random.default_rng(7)
    face = talking_face(phones, samples, SAMPLE_RATE, demo.STYLE, open_face_gap(), generator)
    expression, euler, translation, gaze = (
        np.asarray(values, np.float32) for values in (face.expression, face.euler, face.translation, face.gaze)
    )
    print(f"drawing {len(expression)} frames", file=sys.stderr)
    rotation = rotation_from_euler(torch.from_numpy(euler)).numpy()
    # The head turns about the neck, not about its middle.
    translation = translation + PLACE + (HEAD_PIVOT - rotation @ HEAD_PIVOT).astype(np.float32)
    clip = make_clip(options.person, motion=Motion(expression, euler, translation, gaze))
    about = {"comment": json.dumps({"synthetic": True, "digitalSourceType": ALGORITHMIC, "tool": "make_demo.py"})}
    reference = options.out / "reference.mp4"
    sound = stereo_48k(samples, SAMPLE_RATE)
    with VideoWriter(reference, sound, leader="picture", metadata=about, crf=23) as writer:
        for frame in clip.picture.frames:
            writer.write(frame)
    speech, _ = demo.speak(demo.SPEECH)
    demo.write_flac(options.out / "speech.flac", speech)
    print(f"{reference}: {writer.frames / 25:.1f} s, {reference.stat().st_size / 1e6:.2f} MB", file=sys.stderr)
    return int(reference.stat().st_size > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
