"""Speech to face motion: visemes as JSON, ARKit weights as Live Link Face CSV, and a picture of both.

    .venv/bin/python docs/examples/talk_motion_visemes.py --out out/talk_motion

Without --sound it takes the sentence that `mimictalk demo` says, which a synthesiser spoke.
"""

import argparse
from importlib import resources
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from face3dmm import ARKIT_NAMES, ArkitMotion, write_live_link
from talk_motion import MotionModel, extract_features, generate, load_audio, visemes_of
from talk_motion.visemes import VISEMES

SHOWN = ("jawOpen", "mouthFunnel", "mouthPucker")


def main() -> None:
    """Read, hear, speak, write."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--out", type=Path, default=Path("out/talk_motion"))
    parser.add_argument("--sound", type=Path, help="a sound file with speech")
    parser.add_argument("--seconds", type=float, default=6.0, help="of it")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    demo = resources.files("mimictalk") / "data" / "demo" / "demo_speech.flac"
    with resources.as_file(demo) as spoken:
        samples = np.asarray(load_audio(given.sound or spoken))[: round(given.seconds * 16000)]
    motion = generate(MotionModel.from_pretrained("small"), extract_features(samples), seed=0)
    visemes = visemes_of(motion)
    visemes.save(given.out / "visemes.json")
    weights = motion.expression[:, : len(ARKIT_NAMES)].clamp(0, 1)
    write_live_link(given.out / "face.csv", ArkitMotion(weights, motion.euler, motion.gaze, 25.0))

    figure, (above, middle, below) = plt.subplots(
        3, 1, figsize=(9, 5.4), sharex=True, height_ratios=(1, 1.4, 2)
    )
    above.plot(np.arange(len(samples)) / 16000, samples, linewidth=0.3, color="#355")
    above.set_ylabel("sound")
    for name in SHOWN:
        middle.plot(np.arange(len(weights)) / 25, weights[:, ARKIT_NAMES.index(name)], label=name)
    middle.legend(loc="upper right", fontsize=8)
    middle.set_ylabel("weight")
    extent = (0, len(weights) / 25, len(VISEMES) - 0.5, -0.5)
    heard = visemes.weights.numpy().T
    below.imshow(heard, aspect="auto", extent=extent, cmap="magma", interpolation="nearest")
    below.set_yticks(range(len(VISEMES)), VISEMES, fontsize=7)
    below.set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(given.out / "speech_to_mouth.png", dpi=110)
    print(f"{len(weights)} frames: {given.out / 'visemes.json'}, face.csv, speech_to_mouth.png")


if __name__ == "__main__":
    main()
