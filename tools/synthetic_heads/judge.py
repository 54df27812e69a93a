"""Judge the heads by a face detector that never saw them:  python tools/synthetic_heads/judge.py --people 40

Prints one JSON object: the share of frames in which MediaPipe's FaceMesh finds the face, and the distance of
its landmarks from the true vertices, without any alignment, in percent of the face's width.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

FOUND_GOAL, ERROR_GOAL = 0.99, 2.0


@dataclass(frozen=True)
class Verdict:
    """What the detector says.

    Attributes:
        frames: Frames judged.
        found: Share of them with a face.
        median_error: Median over frames and landmarks, percent of the face's width (landmarks 234 to 454 at
            rest, seen from the front: their distance in space times the picture's scale).
        frame_error_90: 90th percentile over frames of the frame's median error, percent.
        worst: Person's seed and frame of the five largest frame errors (or misses), for looking at them.
        holds: Both goals are met.
    """

    frames: int
    found: float
    median_error: float
    frame_error_90: float
    worst: list[tuple[int, int, float]]
    holds: bool


class Detector:
    """MediaPipe FaceMesh on single pictures."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.face_mesh import FaceMesh

        self._mesh = FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=False)

    def __call__(self, frame: np.ndarray) -> np.ndarray | None:
        """Landmarks (468, 2) in pixels of an RGB frame, or None."""
        found = self._mesh.process(frame).multi_face_landmarks
        if not found:
            return None
        height, width = frame.shape[:2]
        return np.array([[p.x * width, p.y * height] for p in found[0].landmark[:468]])

    def close(self) -> None:
        """Free the networks."""
        self._mesh.close()


def face_width(identity_face: np.ndarray, depth: np.ndarray, size: int) -> np.ndarray:
    """Width in pixels (T,) of a face (468, 3) seen from the front at distances (T,) in dm."""
    from face3dmm.camera import FOCAL

    return np.linalg.norm(identity_face[454] - identity_face[234]) * FOCAL * size / depth


def judge(seed: int, people: int, frames: int, size: int = 512, *, progress: bool = False) -> Verdict:
    """Draw people as training does and compare the detector's landmarks with the truth."""
    from synthetic_heads.batches import person, sample_batch

    detector = Detector()
    errors: list[np.ndarray] = []
    scores: list[tuple[int, int, float]] = []
    for step in range(people):
        sample = sample_batch(seed, step, frames=frames, size=size)
        widths = face_width(person(sample.person).neutral, 10 - sample.motion.translation[:, 2], size)
        for t, frame in enumerate(sample.picture.frames):
            seen = detector(frame)
            if seen is None:
                scores.append((step, t, float("inf")))
                continue
            error = np.linalg.norm(seen - sample.picture.landmarks[t], axis=1) / widths[t] * 100
            errors.append(error)
            scores.append((step, t, float(np.median(error))))
        if progress:
            print(f"\r{step + 1}/{people} people", end="", file=sys.stderr)
    if progress:
        print(file=sys.stderr)
    detector.close()
    found = len(errors) / len(scores)
    median = float(np.median(np.concatenate(errors))) if errors else float("inf")
    high = float(np.percentile([s[2] for s in scores if np.isfinite(s[2])] or [np.inf], 90))
    worst = sorted(scores, key=lambda s: -s[2])[:5]
    return Verdict(len(scores), found, median, high, worst, found >= FOUND_GOAL and median <= ERROR_GOAL)


def main(arguments: list[str] | None = None) -> int:
    """Print the verdict as JSON; exit code 0 if both goals are met, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--frames", type=int, default=5, help="frames per person")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.people < 1 or options.frames < 1 or options.seed < 0:
        parser.error("--people and --frames must be positive, --seed not negative")
    import torch

    torch.set_num_threads(1)
    start = time.monotonic()
    verdict = judge(options.seed, options.people, options.frames, progress=True)
    facts = asdict(verdict) | {"seed": options.seed, "seconds": round(time.monotonic() - start, 1)}
    facts["worst"] = [[step, t, error if np.isfinite(error) else None] for step, t, error in verdict.worst]
    print(json.dumps(facts))
    return 0 if verdict.holds else 1


if __name__ == "__main__":
    sys.exit(main())
