"""Measure landmark statistics on clips and pictures: python tools/open_face/measure.py MEDIA_DIR

Writes statistics.safetensors beside this file: what many detections have in common, no person's landmarks.
The model is built from that file alone (build.py), so it can be rebuilt without the media. Units: the width
between the cheek contours (vertices 234 and 454) is 1. Axes: x to the subject's left, y up, z out of the
face.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from identity import energy_between, smooth_functions
from mean import mean_shape
from safetensors.numpy import save_file
from spread import Spreader
from topology import (
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LOWER_LIP,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
    RIGID,
    UPPER_LIP,
    VERTICES,
    adjacency,
    triangles,
)

EVERY = 3  # frames of a clip looked at
FRONTAL = 0.15  # radians between the head and the camera axis
WITHIN_MODES = 48
HERE = Path(__file__).parent


def frames(path: Path) -> Iterator[np.ndarray]:
    """RGB frames (H, W, 3) of a clip or the one frame of a picture."""
    import av

    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % EVERY == 0:
                yield frame.to_ndarray(format="rgb24")


def detect(pictures: Iterator[np.ndarray]) -> np.ndarray:
    """Landmarks (N, 478, 3) in pixels, axes turned to the model's."""
    import mediapipe

    mesh = mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True, min_detection_confidence=0.3)
    found = []
    for picture in pictures:
        result = mesh.process(np.ascontiguousarray(picture)).multi_face_landmarks
        if result:
            height, width = picture.shape[:2]
            found.append([(p.x * width, -p.y * height, -p.z * width) for p in result[0].landmark])
    return np.array(found, dtype=np.float64).reshape(-1, VERTICES + 10, 3)


def align(points: np.ndarray, target: np.ndarray, index: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Similarity that carries points[index] to target[index] best (Umeyama 1991, eq. 40-42).

    Returns:
        The moved points and the rotation (3, 3) that was applied to row vectors.
    """
    source, goal = points[index], target[index]
    a, b = source - source.mean(0), goal - goal.mean(0)
    u, s, vt = np.linalg.svd(a.T @ b)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    return (s * sign).sum() / (a**2).sum() * (points - source.mean(0)) @ rotation + goal.mean(0), rotation


def straighten(points: np.ndarray) -> np.ndarray:
    """Turn to face +z, scale to face width 1, put the middle of the rigid points at 0."""
    left, right = [454, 323, 361, 288, 263, 362, 356], [234, 93, 132, 58, 33, 133, 127]
    x = (points[left] - points[right]).mean(0)
    x /= np.linalg.norm(x)
    up = points[10] - points[152]
    y = up - x * (up @ x)
    y /= np.linalg.norm(y)
    turned = (points - points[list(RIGID)].mean(0)) @ np.stack([x, y, np.cross(x, y)], 1)
    return turned / (turned[454, 0] - turned[234, 0])


def gap(points: np.ndarray, upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    """Mean distance (N,) between two lines of vertices."""
    return np.linalg.norm(points[:, upper[1:-1]] - points[:, lower[1:-1]], axis=-1).mean(-1)


def neutral(points: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Frames that look ahead with the lips closed and the eyes open."""
    if len(points) < 10:
        return np.ones(len(points), bool)
    turn = np.arccos(np.clip((np.trace(rotations, axis1=1, axis2=2) - 1) / 2, -1, 1))
    mouth = gap(points, UPPER_LIP[3], LOWER_LIP[3])
    eyes = gap(points, RIGHT_UPPER_LID, RIGHT_LOWER_LID) + gap(points, LEFT_UPPER_LID, LEFT_LOWER_LID)
    low, high = np.quantile(eyes, (0.4, 0.95))
    keep = (mouth <= np.quantile(mouth, 0.25)) & (eyes >= low) & (eyes <= high)
    ahead = keep & (turn <= max(FRONTAL, np.quantile(turn, 0.3)))
    return ahead if ahead.any() else keep


def measure(people: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Statistics of detections (N_i, 478, 3), one array per person."""
    rigid = list(RIGID)
    mean = straighten(people[0][0])
    for _ in range(5):
        moved = [[align(frame, mean, rigid) for frame in person] for person in people]
        points = [np.stack([p for p, _ in person]) for person in moved]
        turns = [np.stack([r for _, r in person]) for person in moved]
        rest = [np.median(p[neutral(p, turn)], 0) for p, turn in zip(points, turns, strict=True)]
        mean = straighten(np.mean(rest, 0))
    # Each person counts the same, however long the clip; a single picture says nothing about movement.
    pairs = [(p, r) for p, r in zip(points, rest, strict=True) if len(p) > 30]
    deviations = [(p - r)[:, :VERTICES] / np.sqrt(len(p)) for p, r in pairs]
    flat = np.concatenate(deviations).reshape(-1, VERTICES * 3) / np.sqrt(len(deviations))
    _, sizes, modes = np.linalg.svd(flat, full_matrices=False)
    within = sizes[:WITHIN_MODES, None] * modes[:WITHIN_MODES]
    between = np.stack(rest)[:, :VERTICES] - mean[:VERTICES]
    points, _ = mean_shape(mean)
    _, functions = smooth_functions(Spreader(points, adjacency(triangles(), VERTICES)).laplacian)
    return {
        "mean": mean.astype(np.float32),
        "within_modes": within.reshape(-1, VERTICES, 3).astype(np.float32),
        "between_energy": energy_between(between, functions).astype(np.float32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("media", type=Path, help="folder with clips (one person each) and portraits")
    folder: Path = parser.parse_args().media
    people = []
    for path in [*sorted(folder.glob("*.mp4")), *sorted(folder.glob("portrait_*"))]:
        if path.stem.endswith(("asfound", "landscape_24s")):
            continue  # the same footage as another clip
        people.append(detect(frames(path)))
        print(f"{path.name}: {len(people[-1])} detections", file=sys.stderr)
    try:
        from skimage.data import astronaut

        people.append(detect(iter([astronaut()] * 2)))
    except ImportError:
        print("skimage is missing: without its portrait", file=sys.stderr)
    statistics = measure([person for person in people if len(person)])
    save_file(statistics, HERE / "statistics.safetensors", {"people": str(len(people)), "unit": "face width"})


if __name__ == "__main__":
    main()
