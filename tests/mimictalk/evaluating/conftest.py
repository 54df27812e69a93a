"""A second of the demo's drawn face, as a clip and tracked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import mimictalk
from face3dmm import FaceTrack, open_video, track_video
from mimictalk.video_writer import VideoWriter

DEMO = Path(mimictalk.__file__).parent / "data" / "demo" / "reference.mp4"
FRAMES = 28


def _write(path: Path, frames: list[np.ndarray]) -> Path:
    with VideoWriter(path, None, leader="picture", metadata={}, size=frames[0].shape[1::-1], crf=1) as writer:
        for frame in frames:
            writer.write(np.ascontiguousarray(frame))
    return path


@pytest.fixture(scope="session")
def write_video() -> Callable[[Path, list[np.ndarray]], Path]:
    """Writes (H, W, 3) uint8 frames as an mp4 that is all but lossless."""
    return _write


@pytest.fixture(scope="session")
def face_frames() -> list[np.ndarray]:
    return [frame for _, frame in zip(range(FRAMES), open_video(DEMO), strict=False)]


@pytest.fixture(scope="session")
def clip(face_frames, tmp_path_factory) -> Path:
    return _write(tmp_path_factory.mktemp("clip") / "clip.mp4", face_frames)


@pytest.fixture(scope="session")
def track(clip) -> FaceTrack:
    return track_video(clip)


@pytest.fixture(scope="session")
def moved(face_frames, tmp_path_factory) -> Path:
    """The same, 6 pixels to the right."""
    shifted = [np.roll(frame, 6, axis=1) for frame in face_frames]
    return _write(tmp_path_factory.mktemp("moved") / "moved.mp4", shifted)
