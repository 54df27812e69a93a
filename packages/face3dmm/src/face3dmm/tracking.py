"""Track one person through a video: the whole way from a file to a FaceTrack."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from face3dmm.clip_remarks import check_identity, check_moving, check_seen, remarks
from face3dmm.detector import LandmarkTracker
from face3dmm.errors import InputError
from face3dmm.fit import fit_landmarks
from face3dmm.following import follow
from face3dmm.landmarks import MESH
from face3dmm.model import FaceModel
from face3dmm.survey import SIZE, survey
from face3dmm.track import FaceTrack, carried_over, spans
from face3dmm.video import VideoReader, open_video

MIN_SECONDS = 1.0
BRIDGED_SECONDS = 0.4
BRIDGED_CONFIDENCE = 0.5

Progress = Callable[[str, int, int, dict[str, Any]], None]


def track_video(
    path: str | os.PathLike[str],
    *,
    identity: Tensor | None = None,
    max_seconds: float | None = None,
    progress: Progress | None = None,
    model: FaceModel | None = None,
) -> FaceTrack:
    """Follow one person through a video and fit the face model to them.

    One pass, with a few frames in memory, finds the people, the crop and the landmarks; where the face does
    not stay where the first frame shows it, or is not alone, a second one finds the landmarks. Where two or
    more people are in the picture, the largest and most central is followed. Frames without the face are
    bridged over up to 0.4 s (confidence 0.5); longer gaps have confidence 0.

    Args:
        path: A regular local video file.
        identity: (80,) of a known person to keep, or None to fit it.
        max_seconds: Look at no more than this from the start.
        progress: Called with (stage, frames done, frames expected, {}).
        model: Face model; the embedded one by default.

    Returns:
        The track; what was odd about the clip is in its `warnings`.

    Raises:
        InputError: If the file is no readable video or cannot be tracked: too short, no face, face too
            small or for most of the time not there, a still picture, two people one after the other.
    """
    model = model or FaceModel.open_face()
    reader = open_video(path, max_seconds=max_seconds)

    def report(stage: str) -> Callable[[int], None]:
        if progress is None:
            return lambda done: None
        return lambda done: progress(stage, done, max(done, reader.expected_frames), {})

    found = survey(reader, report("find the face"), landmarks=True)
    seconds = len(found.changes) / reader.fps
    if seconds < MIN_SECONDS:
        cure = f"Give at least {MIN_SECONDS:.0f} s; 20 s or more of talking are good."
        raise InputError(reader.path, f"it is too short: {seconds:.2f} s", cure)
    check_moving(reader, found)
    detected = torch.from_numpy(follow(reader, found, report("follow the face")))
    seen = detected.isfinite().flatten(1).all(1)
    check_seen(reader, seen)
    landmarks = carried_over(detected.nan_to_num(), seen)
    confidence = gap_confidence(seen, round(BRIDGED_SECONDS * reader.fps))
    with one_thread():
        cut = check_identity(reader, model, landmarks, seen, found)
        coeffs = fit_landmarks(model, landmarks, SIZE, identity, confidence=confidence)
    warnings = remarks(reader, found, landmarks, seen, confidence) + ([cut] if cut else [])
    return FaceTrack(
        coeffs,
        landmarks,
        face_boxes(landmarks),
        file_hash(reader.path),
        found.crop,
        tuple(warnings),
        reader.fps,
        reader.info.start,
    )


def track_image(picture: np.ndarray, *, model: FaceModel | None = None) -> FaceTrack:
    """Find the largest face of one picture and fit the model to it, T = 1.

    Args:
        picture: (S, S, 3) uint8 RGB, square; any size from 64.
        model: Face model; the embedded one by default.

    Returns:
        A track of one frame; landmarks are in pixels of the picture scaled to 512.

    Raises:
        InputError: If no face is found.
        ValueError: If the picture is not square.
    """
    height, width = picture.shape[:2]
    if picture.shape != (height, height, 3) or picture.dtype != np.uint8 or height < 64:
        raise ValueError(f"picture must be square uint8 (S, S, 3) with S >= 64, got {picture.shape}")
    with LandmarkTracker(faces=4, still=True) as tracker:
        faces = tracker(picture)
    if not faces:
        raise InputError(
            "picture", "no face was found in it", "Give a picture that shows one face from the front."
        )
    largest = max(faces, key=lambda face: float(np.ptp(face[:, 1])))
    landmarks = torch.from_numpy(largest)[None] * (SIZE / width)
    coeffs = fit_landmarks(model or FaceModel.open_face(), landmarks, SIZE)
    warnings = ("several faces are in the picture: the largest is used",) if len(faces) > 1 else ()
    source = hashlib.sha256(picture.tobytes()).hexdigest()
    return FaceTrack(coeffs, landmarks, face_boxes(landmarks), source, (0, 0, width), warnings)


def read_crops(
    path: str | os.PathLike[str],
    crop: tuple[int, int, int],
    *,
    size: int = SIZE,
    max_seconds: float | None = None,
) -> Iterator[np.ndarray]:
    """Frames (size, size, 3) uint8 RGB of a tracked clip, the same and as many as were tracked.

    Args:
        path: The video that was tracked.
        crop: `FaceTrack.crop`.
        size: Width and height; landmarks belong to 512.
        max_seconds: As given to `track_video`.

    Raises:
        InputError: If the file cannot be read.
        ValueError: If the crop does not lie in the picture.
    """
    return VideoReader(path, max_seconds=max_seconds).crops(crop, size)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread in the block.

    The fit's matrices are so small that two threads take twice as long as one, and far longer where other
    work wants the cores: each waits for the other at every step.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def gap_confidence(seen: Tensor, bridged: int) -> Tensor:
    """1 where seen, 0.5 in gaps of up to `bridged` frames, 0 in longer ones; (T,) from (T,) bool."""
    confidence = seen.float()
    for first, last in spans(~seen):
        if last - first <= bridged:
            confidence[first:last] = BRIDGED_CONFIDENCE
    return confidence


def face_boxes(landmarks: Tensor) -> Tensor:
    """Bounding boxes (T, 4) x0, y0, x1, y1 of the face mesh."""
    points = landmarks[:, :MESH, :2]
    return torch.cat([points.amin(1), points.amax(1)], 1)


def file_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
