"""Fit a picture of a computed head, and write a moving face as Live Link Face CSV.

    .venv/bin/python docs/examples/face3dmm_fit.py --out out/face3dmm

Nobody real is shown: the head comes from tools/synthetic_heads. In place of it give `fit_picture` any
portrait, and `track_video` any clip.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from face3dmm import (
    ARKIT_NAMES,
    FaceModel,
    arkit_motion,
    draw_overlay,
    fit_landmarks,
    fit_picture,
    read_live_link,
    read_picture,
    write_live_link,
)
from face3dmm.detector import LandmarkTracker
from synthetic_heads.batches import make_clip

PERSON = 9


def main() -> None:
    """Draw, fit, export, and read back what was exported."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--out", type=Path, default=Path("out/face3dmm"))
    parser.add_argument("--frames", type=int, default=50, help="of the moving face; 25 a second")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    expression = np.zeros((given.frames, 64), np.float32)  # the jaw opens once, then the mouth smiles
    time = np.linspace(0, 1, given.frames)
    expression[:, ARKIT_NAMES.index("jawOpen")] = 0.7 * np.sin(np.pi * time) ** 2
    for side in ("Left", "Right"):
        expression[:, ARKIT_NAMES.index(f"mouthSmile{side}")] = 0.8 * time**2
    clip = make_clip(PERSON, expression=expression)
    frames = torch.from_numpy(np.ascontiguousarray(clip.picture.frames))

    portrait = given.out / "portrait.png"
    Image.fromarray(frames[0].numpy()).save(portrait)
    fit = fit_picture(portrait)
    crop = torch.from_numpy(read_picture(portrait).crop(fit.crop))[None]
    overlay = draw_overlay(crop, fit.coeffs, landmarks=fit.landmarks)[0]
    Image.fromarray(torch.cat([crop[0], overlay], 1).numpy()).save(given.out / "fit.png")
    print(f"{portrait}: pitch, yaw, roll {np.degrees(fit.coeffs.euler[0].numpy()).round(1)} degrees")

    with LandmarkTracker() as tracker:
        landmarks = torch.from_numpy(np.stack([tracker(frame.numpy())[0] for frame in frames]))
    model = FaceModel.open_face()
    coeffs = fit_landmarks(model, landmarks)
    csv = given.out / "face.csv"
    write_live_link(csv, arkit_motion(model, coeffs))
    back = read_live_link(csv).weights[:, ARKIT_NAMES.index("jawOpen")]
    agreement = np.corrcoef(back, expression[:, ARKIT_NAMES.index("jawOpen")])[0, 1]
    print(f"{csv}: jawOpen up to {back.max():.2f}; correlation with what was drawn {agreement:.3f}")


if __name__ == "__main__":
    main()
