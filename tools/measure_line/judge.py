"""Score rendered frames against the true ones, and against two stills that flatter nobody."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from face3dmm.metrics import keypoints_68
from face3dmm.metrics import landmark_distance as lip_distance
from measure_line import landmarks as faces
from measure_line import motion_measures as motion
from measure_line import picture_measures as pictures
from measure_line.picture_measures import Box

LANDMARK_SIZE = 512  # landmark distances are stated in pixels of a picture of this size
LENGTH_TOLERANCE = 1  # frames


@dataclass(frozen=True)
class Truth:
    """The frames that were held back, and where their faces are.

    Attributes:
        frames: (T, S, S, 3) uint8.
        landmarks: (T, 478, 2) pixels.
        mouth_boxes: T squares around the mouths.
        face_boxes: T squares around the faces.
    """

    frames: np.ndarray
    landmarks: NDArray[np.float64]
    mouth_boxes: list[Box]
    face_boxes: list[Box]

    @classmethod
    def of(cls, frames: np.ndarray) -> "Truth":
        """Find the faces of true frames; every frame must show one."""
        found = faces.detect(frames)
        lost = np.flatnonzero(np.isnan(found).any(axis=(1, 2)))
        if len(lost):
            raise ValueError(f"no face in {len(lost)} true frames, the first is {lost[0]}")
        size = frames.shape[1]
        mouths = [faces.mouth_box(points, size) for points in found]
        return cls(frames, found, mouths, [faces.face_box(points, size) for points in found])


@dataclass(frozen=True)
class Scores:
    """What a row of frames is worth, as means over the frames.

    Attributes:
        full_psnr: Whole frame, dB.
        mouth_psnr: Square around the true mouth, dB.
        ssim: Brightness of the whole frame, at most 1.
        sharpness: RMS Laplacian of the face box at half size over the true one's; 1 is as sharp.
        gmsd: Gradient deviation of the face box, 0 is equal.
        landmark_distance: Between landmarks found again and the true ones, pixels at 512.
        lmd: The same of the lips' key points alone, the head's place aside (Chen et al. 2018).
        mouth_correlation: Of the mouth opening found again with the true one.
        flicker: Change where nothing moves, over the original's.
        faces_found: Share of frames in which the detector finds a face.
    """

    full_psnr: float
    mouth_psnr: float
    ssim: float
    sharpness: float
    gmsd: float
    landmark_distance: float
    lmd: float
    mouth_correlation: float
    flicker: float
    faces_found: float


def same_length(true: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Return `output` with as many frames as `true`; one frame too many or too few at the end is allowed.

    Raises:
        ValueError: If sizes differ, or lengths by more than one frame.
    """
    if true.shape[1:] != output.shape[1:]:
        raise ValueError(f"the output has frames of {output.shape[1:3]}, the true clip of {true.shape[1:3]}")
    if abs(len(true) - len(output)) > LENGTH_TOLERANCE:
        raise ValueError(f"the output has {len(output)} frames, the true clip {len(true)}")
    return np.concatenate([output, output[-1:]])[: len(true)]


def score(truth: Truth, output: np.ndarray) -> Scores:
    """Score uint8 frames of the same size as the true ones; landmarks are found again on them."""
    output = same_length(truth.frames, output)
    found = faces.detect(output)
    scale = LANDMARK_SIZE / truth.frames.shape[1]
    opening, wanted = faces.mouth_opening(found), faces.mouth_opening(truth.landmarks)
    known = np.isfinite(opening)
    distance = (
        motion.landmark_distance(truth.landmarks[known], found[known], scale) if known.any() else np.nan
    )
    lips = (keypoints_68(points[known]) for points in (truth.landmarks, found))
    return Scores(
        full_psnr=float(pictures.psnr(truth.frames, output).mean()),
        mouth_psnr=float(pictures.psnr(truth.frames, output, truth.mouth_boxes).mean()),
        ssim=float(pictures.ssim(truth.frames, output).mean()),
        sharpness=float(pictures.sharpness(truth.frames, output, truth.face_boxes).mean()),
        gmsd=float(pictures.gmsd(truth.frames, output, truth.face_boxes).mean()),
        landmark_distance=float(distance),
        lmd=lip_distance(*lips, scale),
        mouth_correlation=motion.correlation(opening, wanted),
        flicker=pictures.flicker(truth.frames, output),
        faces_found=float(known.mean()),
    )


def mean_frame(learned: np.ndarray, length: int) -> np.ndarray:
    """Return the mean of the frames learned from, `length` times, uint8."""
    mean = learned.mean(axis=0).round().astype(np.uint8)
    return np.broadcast_to(mean, (length, *mean.shape))


def nearest_frames(learned: np.ndarray, learned_landmarks: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return, for each true frame, the frame learned from whose landmarks lie nearest on average.

    Args:
        learned: (T1, H, W, 3) uint8.
        learned_landmarks: (T1, K, 2) pixels, NaN where no face was found.
        wanted: (T2, K, 2) pixels.
    """
    chosen = []
    for points in wanted:
        distance = np.linalg.norm(learned_landmarks - points, axis=-1).mean(axis=-1)
        chosen.append(int(np.nanargmin(distance)))
    return learned[chosen]
