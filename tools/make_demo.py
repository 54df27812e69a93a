"""Make the reference clip of `mimictalk demo`: a computed person moves to a computed voice.

    .venv/bin/python tools/make_demo.py            (about 3 minutes)

Reads sound and motion that tools/synthetic_speech/demo.py made (demo_reference.flac and .safetensors), draws
the person with tools/synthetic_heads and writes reference.mp4 beside them. Nobody real is shown or heard.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).resolve().parents[1] / "packages/mimictalk/src/mimictalk/data/demo"
PERSON = 37
PLACE = (0.0, 0.35, -8.5)  # decimetres: a head of half the picture's height, a little above its middle
LARGEST = 1_500_000  # bytes: the clip ships inside the package
# IPTC: "created purely by an algorithm not based on any sampled training data".
ALGORITHMIC = "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"
RATE = 16000


def stereo_48k(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Mono samples (n,) at 16 kHz as the (n, 2) blocks at 48 kHz that the video writer takes."""
    from scipy.signal import resample_poly

    yield np.repeat(resample_poly(samples, 3, 1).astype(np.float32)[:, None], 2, axis=1)


def main() -> int:
    """Make the clip; returns 1 if it is too large to ship."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER / "reference.mp4")
    parser.add_argument("--person", type=int, default=PERSON, help="seed of the synthetic person")
    options = parser.parse_args()
    torch.set_num_threads(1)
    from safetensors.numpy import load_file

    from face3dmm import rotation_from_euler
    from mimictalk.video_writer import VideoWriter
    from synthetic_heads.batches import make_clip
    from synthetic_heads.motion import Motion
    from synthetic_heads.rendering import HEAD_PIVOT
    from talk_motion import load_audio

    face = load_file(FOLDER / "demo_reference.safetensors")
    turn = rotation_from_euler(torch.from_numpy(face["euler"])).numpy()
    # The head turns about the neck, not about its middle.
    place = face["translation"] + np.float32(PLACE) + (HEAD_PIVOT - turn @ HEAD_PIVOT).astype(np.float32)
    print(f"drawing {len(place)} frames", file=sys.stderr)
    motion = Motion(face["expression"], face["euler"], place, face["gaze"])
    clip = make_clip(options.person, motion=motion)
    mark = {"synthetic": True, "digitalSourceType": ALGORITHMIC, "tool": "tools/make_demo.py"}
    sound = stereo_48k(load_audio(FOLDER / "demo_reference.flac", RATE))
    about = {"comment": json.dumps(mark)}
    with VideoWriter(options.out, sound, leader="picture", metadata=about, crf=23) as writer:
        for frame in clip.picture.frames:
            writer.write(frame)
    size = options.out.stat().st_size
    print(f"{options.out}: {writer.frames / 25:.1f} s, {size / 1e6:.2f} MB", file=sys.stderr)
    return int(size > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
