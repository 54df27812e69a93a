"""A tracked video as the portrait model learns from it: frames, masks, plates and PNCC."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceTrack
    from portrait3d.clip import PortraitClip

MOUTH, EYES = (13, 14), ((33, 133), (362, 263))  # MediaPipe landmarks of the inner lips and the eye corners
Progress = Callable[[str, int, int, dict[str, Any]], None]


def portrait_clip(
    video: Path,
    track: "FaceTrack",
    max_seconds: float | None,
    progress: Progress,
    pncc_size: int = 256,
    segmenter: Path | None = None,
) -> "PortraitClip":
    """Gather what adaptation needs of a video.

    Args:
        video: The file that was tracked.
        track: Its track; frames beyond it are not used.
        max_seconds: Use the beginning only.
        progress: Called with (stage, done, total, numbers).
        pncc_size: Side of the PNCC pictures.
        segmenter: A segmentation task file to use in place of the bundled network.
    """
    import torch

    from face3dmm import read_crops

    count = len(track.coeffs.expression)
    if max_seconds is not None:
        count = min(count, max(1, round(max_seconds * track.fps)))
    frames = torch.empty(count, 512, 512, 3, dtype=torch.uint8)
    for index, frame in enumerate(read_crops(video, track.crop)):
        if index == count:
            break
        frames[index] = torch.from_numpy(frame)
        progress("read", index + 1, count, {})
    return tracked_clip(frames, track, progress, pncc_size, segmenter)


def tracked_clip(
    frames: "Tensor",
    track: "FaceTrack",
    progress: Progress,
    pncc_size: int = 256,
    segmenter: Path | None = None,
) -> "PortraitClip":
    """Masks, plate and PNCC of frames that were tracked.

    Args:
        frames: (T, 512, 512, 3) uint8, the first T of the track.
        track: Their track, or a longer one.
        progress, pncc_size, segmenter: As of `portrait_clip`.
    """
    import torch

    from face3dmm import Camera, FaceModel, fill_background, render_pncc, segment_frames
    from mimictalk.driving import torso_keypoints
    from portrait3d.clip import PortraitClip

    count, coeffs, model = len(frames), track.coeffs, FaceModel.open_face()
    landmarks = track.landmarks[:count]
    masks = segment_frames(
        frames, landmarks, lambda done, total: progress("masks", done, total, {}), task=segmenter
    )
    background = fill_background(frames, masks.person)
    expression, euler, translation = (
        coeffs.expression[:count],
        coeffs.euler[:count],
        coeffs.translation[:count],
    )
    pncc = render_pncc(model, coeffs.identity, expression, size=pncc_size, dtype=torch.uint8)
    canonical = render_pncc(model, coeffs.identity, torch.zeros(1, 64), size=pncc_size, dtype=torch.uint8)[0]
    camera = Camera.from_head_pose(euler, translation)
    points = landmarks[..., :2] / 512
    opening = (points[:, MOUTH[0]] - points[:, MOUTH[1]]).norm(dim=-1)
    opening = opening / (points[:, EYES[0][0]] - points[:, EYES[1][1]]).norm(dim=-1)
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
        opening=opening,
        background=torch.as_tensor(background),
        confidence=coeffs.confidence[:count],
        fps=track.fps,
    )
