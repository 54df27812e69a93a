"""Make the pictures of docs/face-tracking.md from a synthetic head:  python tools/make_face_pictures.py"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
PERSON, FRAMES, SIDE = 9, 60, 256
SHAPES = (
    "jawOpen",
    "mouthSmileLeft",
    "mouthPucker",
    "mouthFunnel",
    "eyeBlinkLeft",
    "browInnerUp",
    "cheekPuff",
    "jawLeft",
)


def main() -> None:
    """Write them."""
    import numpy as np
    import torch

    from face3dmm import ARKIT_NAMES, FaceModel, draw_overlay, fit_landmarks, render_pncc, segment_frames
    from face3dmm.detector import LandmarkTracker
    from synthetic_heads.batches import make_clip

    clip = make_clip(PERSON, FRAMES)
    frames = torch.from_numpy(np.ascontiguousarray(clip.picture.frames))
    with LandmarkTracker() as tracker:
        landmarks = torch.from_numpy(np.stack([tracker(frame.numpy())[0] for frame in frames]))
    model = FaceModel.open_face()
    coeffs = fit_landmarks(model, landmarks)
    masks = segment_frames(frames, landmarks)

    chosen = [0, FRAMES // 3, FRAMES - 1]
    rows = []
    for number in chosen:
        one = frames[number : number + 1]
        mesh = draw_overlay(one, coeffs, landmarks=landmarks[number : number + 1], first=number)
        colours = draw_overlay(one, coeffs, layers=("pncc",), first=number)
        parts = torch.stack([masks.head[number], masks.torso[number], 255 - masks.person[number]], -1)
        tinted = (0.5 * one[0].float() + 0.5 * parts.float()).to(torch.uint8)
        driving = pncc(render_pncc(model, coeffs.identity, coeffs.expression[number : number + 1], 512))
        rows.append(torch.cat([one[0], mesh[0], colours[0], tinted, driving[0]], 1))
    write("tracked", torch.cat(rows))

    expression = torch.zeros(len(SHAPES), 64)
    for row, name in enumerate(SHAPES):
        expression[row, ARKIT_NAMES.index(name)] = 1.0
    shown = pncc(render_pncc(model, torch.zeros(80), expression, 512))
    write("shapes", torch.cat([torch.cat(list(shown[:4]), 1), torch.cat(list(shown[4:]), 1)]))

    gaze = torch.tensor([[0.0, 0.0], [0.0, 0.4], [0.0, -0.4], [-0.3, 0.0], [0.3, 0.0]])
    looking = pncc(render_pncc(model, torch.zeros(80), torch.zeros(5, 64), 512, gaze=gaze))
    write("gaze", torch.cat(list(looking), 1))


def pncc(picture: "torch.Tensor") -> "torch.Tensor":  # noqa: F821  # torch is imported when it is needed
    """(B, 3, S, S) in [-1, 1] as (B, S, S, 3) uint8."""
    return ((picture + 1) * 127.5).round().byte().permute(0, 2, 3, 1)


def write(name: str, picture: "torch.Tensor") -> None:  # noqa: F821
    """Save (H, W, 3) uint8 at half its size."""
    from PIL import Image

    FOLDER.mkdir(exist_ok=True)
    image = Image.fromarray(picture.numpy())
    image.resize((image.width * SIDE // 512, image.height * SIDE // 512), Image.Resampling.LANCZOS).save(
        FOLDER / f"face_{name}.jpg", quality=88
    )


if __name__ == "__main__":
    main()
