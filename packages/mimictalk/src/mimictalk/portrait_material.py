"""A tracked video as the portrait model learns from it: frames, masks, plates and PNCC."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceTrack
    from portrait3d.clip import PortraitClip

# MediaPipe landmarks of the inner lips, the corners of the eyes, and their upper and lower lids.
MOUTH, EYES, LIDS = (13, 14), ((33, 133), (362, 263)), ((159, 145), (386, 374))
Progress = Callable[[str, int, int, dict[str, Any]], None]


def portrait_clip(
    video: Path,
    track: "FaceTrack",
    max_seconds: float | None,
    progress: Progress,
    pncc_size: int = 256,
    segmenter: Path | None = None,
    most: int | None = None,
    *,
    posed: bool = False,
) -> "PortraitClip":
    """Gather what adaptation needs of a video.

    Args:
        video: The file that was tracked.
        track: Its track; frames beyond it are not used.
        max_seconds: Use the beginning only.
        progress: Called with (stage, done, total, numbers).
        pncc_size: Side of the PNCC pictures.
        segmenter: A segmentation task file to use in place of the bundled network.
        most: Of a longer clip only so many frames, see `frames_to_learn`: memory does not grow further.
        posed: Draw what a `PosedGuide` learns from, too.
    """
    import torch

    from face3dmm import read_crops

    count = len(track.coeffs.expression)
    if max_seconds is not None:
        count = min(count, max(1, round(max_seconds * track.fps)))
    numbers = torch.arange(count) if most is None else frames_to_learn(track, count, most)
    place = {number: index for index, number in enumerate(numbers.tolist())}
    frames = torch.empty(len(numbers), 512, 512, 3, dtype=torch.uint8)
    for number, frame in enumerate(read_crops(video, track.crop)):
        if number == count:
            break
        if number in place:
            frames[place[number]] = torch.from_numpy(frame)
        progress("read", number + 1, count, {})
    return tracked_clip(frames, track, progress, pncc_size, segmenter, numbers, posed=posed)


def frames_to_learn(track: "FaceTrack", count: int, most: int) -> "Tensor":
    """Numbers (n,) of frames to learn from, growing: all of a short clip, `most` of a longer one.

    They are drawn once and for all, without replacement, by the odds with which frames are learned from: rare
    openings of the mouth are kept.

    Args:
        track: Of the clip.
        count: Frames of it that are used.
        most: More than these are not held in memory.
    """
    import torch

    from portrait3d.clip import frame_odds

    if count <= most:
        return torch.arange(count)
    landmarks = track.landmarks[:count]
    odds = frame_odds(_opening(landmarks), track.coeffs.confidence[:count], _eyes(landmarks))
    wanted = min(most, int((odds > 0).sum()))
    return torch.multinomial(odds, wanted, generator=torch.Generator().manual_seed(0)).sort().values


def _opening(landmarks: "Tensor") -> "Tensor":
    """(T,) gap of the inner lips over the distance of the outer eye corners, of landmarks (T, 478, 3)."""
    points = landmarks[..., :2]
    lips = (points[:, MOUTH[0]] - points[:, MOUTH[1]]).norm(dim=-1)
    return lips / (points[:, EYES[0][0]] - points[:, EYES[1][1]]).norm(dim=-1)


def _eyes(landmarks: "Tensor") -> "Tensor":
    """(T,) gap of the lids over the eyes' width, both eyes together, of landmarks (T, 478, 3)."""
    points = landmarks[..., :2]
    gaps, widths = (
        sum((points[:, a] - points[:, b]).norm(dim=-1) for a, b in pairs) for pairs in (LIDS, EYES)
    )
    return gaps / widths


def tracked_clip(
    frames: "Tensor",
    track: "FaceTrack",
    progress: Progress,
    pncc_size: int = 256,
    segmenter: Path | None = None,
    numbers: "Tensor | None" = None,
    *,
    posed: bool = False,
) -> "PortraitClip":
    """Masks, plate and PNCC of frames that were tracked.

    Args:
        frames: (T, 512, 512, 3) uint8.
        track: Their track, or a longer one.
        progress, pncc_size, segmenter, posed: As of `portrait_clip`.
        numbers: (T,) of the frames in the track; None for the first T.
    """
    import torch

    from face3dmm import Camera, FaceModel, fill_background, render_pncc, render_posed_pncc, segment_frames
    from mimictalk.driving import torso_keypoints
    from portrait3d.clip import PortraitClip

    coeffs, model = track.coeffs, FaceModel.open_face()
    numbers = torch.arange(len(frames)) if numbers is None else numbers
    landmarks = track.landmarks[numbers]
    masks = segment_frames(
        frames,
        landmarks,
        lambda done, total: progress("masks", done, total, {}),
        task=segmenter,
        numbers=numbers.tolist(),
    )
    background = fill_background(frames, masks.person)
    expression, euler, translation = (
        values[numbers] for values in (coeffs.expression, coeffs.euler, coeffs.translation)
    )
    pncc = render_pncc(model, coeffs.identity, expression, size=pncc_size, dtype=torch.uint8)
    camera = Camera.from_head_pose(euler, translation)
    drawn = None
    if posed:
        gaze = coeffs.gaze[numbers]
        drawn = render_posed_pncc(model, coeffs.identity, expression, camera, gaze=gaze, dtype=torch.uint8)
    canonical = render_pncc(model, coeffs.identity, torch.zeros(1, 64), size=pncc_size, dtype=torch.uint8)[0]
    points = landmarks[..., :2] / 512
    focus = torch.stack([points[:, list(pair)].mean(1) for pair in (MOUTH, *EYES)], 1)
    return PortraitClip(
        frames=frames,
        head_mask=torch.as_tensor(masks.head),
        torso_mask=torch.as_tensor(masks.torso),
        pncc=pncc,
        canonical_pncc=canonical,
        camera_to_world=camera.camera_to_world,
        intrinsics=camera.intrinsics,
        keypoints=torso_keypoints(coeffs.identity, euler, translation),
        focus=focus,
        opening=_opening(landmarks),
        eyes=_eyes(landmarks),
        background=torch.as_tensor(background),
        confidence=coeffs.confidence[numbers],
        fps=track.fps,
        posed=drawn,
        numbers=numbers,
    )
