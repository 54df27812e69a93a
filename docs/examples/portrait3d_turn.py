"""Turn the head of one computed portrait, and let it speak vowels: a contact sheet from one picture.

    .venv/bin/python docs/examples/portrait3d_turn.py --out out/portrait3d

Nobody real is shown: the portrait comes from tools/synthetic_heads, its masks and pose with it.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from bench.portrait_drawing import identity_of
from bench.portrait_heads import TestHead
from face3dmm import ARKIT_NAMES, Camera, FaceModel, render_pncc
from portrait3d.drawing import PortraitRenderer
from portrait3d.model import Portrait3D
from portrait3d.one_shot import RefineConfig
from synthetic_heads.batches import make_clip

PERSON = 21
YAWS = (-20, -10, 0, 10, 20)  # degrees
SAID = (
    {},
    {"jawOpen": 0.5},
    {"mouthFunnel": 0.7, "jawOpen": 0.2},
    {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8},
    {"mouthStretchLeft": 0.5, "mouthStretchRight": 0.5, "jawOpen": 0.25},
)


def main() -> None:
    """Draw the portrait, put it on planes, show it turned and speaking."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--out", type=Path, default=Path("out/portrait3d"))
    parser.add_argument(
        "--refine", type=int, default=0, help="steps that learn the likeness first, such as 40"
    )
    parser.add_argument("--columns", type=int, default=5, help="views and mouths to draw, 1 to 5")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    head = somebody()
    torch.set_flush_denormal(True)
    model = Portrait3D.from_pretrained("small")
    refine = RefineConfig(steps=given.refine, coarse_steps=2 * given.refine) if given.refine else None
    renderer = PortraitRenderer(model, identity_of(model, head, refine))
    rows = [list(drawn(renderer, head, kind, given.columns)) for kind in ("turned", "speaking")]
    source = head.frames[0].numpy()
    sheet = np.concatenate([np.concatenate([source, *row], 1) for row in rows])
    picture = Image.fromarray(sheet)
    picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS).save(
        given.out / "turned_and_speaking.png"
    )
    print(given.out / "turned_and_speaking.png")


def somebody() -> TestHead:
    """One computed picture with its masks, pose and identity."""
    made = make_clip(PERSON, expression=np.zeros((1, 64), np.float32))
    seen, moved = made.picture, made.motion
    arrays = (seen.frames, seen.head, seen.torso, seen.plate, seen.landmarks, made.identity)
    pose = (moved.expression, moved.euler, moved.translation)
    return TestHead(*(torch.from_numpy(np.ascontiguousarray(part)) for part in (*arrays, *pose)))


def drawn(renderer: PortraitRenderer, head: TestHead, kind: str, columns: int) -> Iterator[np.ndarray]:
    """Frames (512, 512, 3) uint8: the head turned by `YAWS`, or its mouth as in `SAID`."""
    from mimictalk.driving import torso_keypoints

    for yaw, shapes in list(zip(YAWS, SAID, strict=True))[:columns]:
        expression, euler = head.expression.clone(), head.euler.clone()
        if kind == "turned":
            euler[0, 1] = np.radians(yaw)
        else:
            for name, value in shapes.items():
                expression[0, ARKIT_NAMES.index(name)] = value
        camera = Camera.from_head_pose(euler, head.translation)
        pncc = render_pncc(FaceModel.open_face(), head.identity, expression)[0]
        points = torso_keypoints(head.identity, euler, head.translation)[0]
        yield renderer.frame(pncc, camera.camera_to_world[0], camera.intrinsics[0], points).numpy()


if __name__ == "__main__":
    main()
