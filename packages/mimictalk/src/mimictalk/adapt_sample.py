"""A person who has been learned, beside the clip: frames true and drawn, mouths true and drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mimictalk.evaluating.sheets import evenly_spread

if TYPE_CHECKING:
    from face3dmm import FaceTrack
    from portrait3d.clip import PortraitClip

FRAMES = 48
Drive = tuple[Any, Any, Any, Any, Any]


@dataclass(frozen=True, eq=False)
class Sample:
    """Some frames of a clip, in order.

    Attributes:
        numbers: Their numbers in the clip.
        held_out: Which of them were not learned from.
        true: (n, 512, 512, 3) uint8.
        drawn: (n, 512, 512, 3) uint8.
        landmarks: (n, 478, 2) pixels, of the true frames.
        drawn_landmarks: (n, 478, 2), NaN where no face was found.
    """

    numbers: list[int]
    held_out: set[int]
    true: np.ndarray
    drawn: np.ndarray
    landmarks: np.ndarray
    drawn_landmarks: np.ndarray

    def openings(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) mouth opening of the true and the drawn frames, in distances between the eyes."""
        import torch

        from face3dmm.landmarks import mouth_opening

        true, drawn = (
            mouth_opening(torch.from_numpy(points)).numpy()
            for points in (self.landmarks, self.drawn_landmarks)
        )
        return true, drawn

    def figures(self) -> dict[str, float]:
        """Means over the sample: PSNR of picture and mouth, SSIM, sharpness, GMSD, LMD, mouth correlation."""
        from face3dmm.metrics import correlation, face_box, keypoints_68, landmark_distance, mouth_box
        from portrait3d.metrics.detail import gmsd, sharpness
        from portrait3d.metrics.pixels import psnr, ssim

        mouths, faces = ([box(points, 512) for points in self.landmarks] for box in (mouth_box, face_box))
        found = {
            "psnr": psnr(self.true, self.drawn),
            "psnr_mouth": psnr(self.true, self.drawn, mouths),
            "ssim": ssim(self.true, self.drawn),
            "sharpness": sharpness(self.true, self.drawn, faces),
            "gmsd": gmsd(self.true, self.drawn, faces),
        }
        figures = {name: float(np.mean(values)) for name, values in found.items()}
        seen = np.isfinite(self.drawn_landmarks).all((1, 2))
        figures["faces_found"] = float(seen.mean())
        if seen.any():
            wanted, got = (keypoints_68(p[seen]) for p in (self.landmarks, self.drawn_landmarks))
            figures["lmd"] = landmark_distance(wanted, got)
        true, drawn = self.openings()
        if seen.sum() > 2 and np.ptp(true[seen]) > 0 and np.ptp(drawn[seen]) > 0:
            figures["mouth_correlation"] = float(correlation(true[seen], drawn[seen]))
        return figures


def draw_sample(
    model: Any,
    identity: Any,
    clip: "PortraitClip",
    track: "FaceTrack",
    numbers: list[int],
    held_out: list[int],
) -> Sample:
    """Draw frames of a clip and find the faces in them.

    Args:
        model: With LoRA merged.
        identity: The person.
        clip: Where the true frames are.
        track: For their landmarks.
        numbers: Frames to draw, in order.
        held_out: Frames that were not learned from.
    """
    from face3dmm.detector import LandmarkTracker
    from mimictalk.rendering import frame_renderer

    frames = frame_renderer(model, identity).frames(drives(clip, numbers))
    drawn = np.stack([frame.cpu().numpy() for frame in frames])
    points = np.full((len(numbers), 478, 2), np.nan, np.float32)
    with LandmarkTracker(still=True) as finder:
        for place, frame in enumerate(drawn):
            faces = finder(frame)
            if faces:
                points[place] = faces[0][:, :2]
    chosen = set(held_out) & set(numbers)
    true = clip.frames[numbers].numpy()
    landmarks = track.landmarks[clip.in_video()[numbers], :, :2]
    return Sample(numbers, chosen, true, drawn, landmarks.numpy(), points)


def sampled_frames(clip: "PortraitClip", held_out: list[int], most: int = FRAMES) -> list[int]:
    """Usable frames spread over a clip, the judged held-out ones among them."""
    from portrait3d.held_out import judged_frames

    usable = clip.usable().tolist()
    spread = [usable[place] for place in evenly_spread(len(usable), most)]
    return sorted({*spread, *judged_frames(held_out)})


def drives(clip: "PortraitClip", numbers: list[int]) -> Iterator[Drive]:
    """What a renderer needs to draw these frames."""
    for index in numbers:
        yield (
            clip.driving_pncc(index)[0],
            clip.camera_to_world[index],
            clip.intrinsics[index],
            clip.keypoints[index],
            None if clip.posed is None else clip.posed_pncc(index)[0],
        )
