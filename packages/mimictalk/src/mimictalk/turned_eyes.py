"""Eyes that look where a motion says: irises are moved in the drawn picture, within the lids.

The portrait model draws the eyes much as the person's clip showed them, and follows a gaze in part only. So
they are drawn as they mostly were, and the iris is warped to its new place, which keeps its own colour and
light (Kononenko & Lempitsky 2015 learn such a warp; here the eyeballs of the face model tell it).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from talk_motion import MotionSequence

# Distances from the iris in radii of the eyeball. An iris has 0.49, lids leave about 1.2 to be seen.
WHOLE, NONE = 0.5, 1.15
FARTHEST = (
    0.42  # less than two thirds of the ramp between them, whose slope is 1.5: the warp stays one to one
)
SOFT = 1.5  # pixels over which the rim of the lids fades


@dataclass(frozen=True, eq=False)
class TurnedEyes:
    """Moves the irises of one person's frames.

    Attributes:
        identity: (80,) of the face model.
        drawn: (2,) pitch and yaw in radians of the eyes as they are drawn, in the head's frame.
    """

    identity: "Tensor"
    drawn: "Tensor"

    def turn(self, frame: np.ndarray, motion: "MotionSequence") -> np.ndarray:
        """One frame with its eyes turned.

        Args:
            frame: (S, S, C) uint8, of which the first three channels are changed.
            motion: T = 1, by which it was drawn, with the wanted gaze.

        Returns:
            (S, S, C) uint8.
        """
        import torch

        from face3dmm import Camera, FaceModel
        from face3dmm.camera import model_to_world
        from face3dmm.gaze_marks import eyeballs_of, gaze_directions

        model, size = FaceModel.open_face(), frame.shape[0]
        camera = Camera.from_head_pose(motion.euler, motion.translation)
        balls = eyeballs_of(model, self.identity)
        looks = gaze_directions(torch.stack([self.drawn, motion.gaze[0]]))  # (2, 3): drawn, wanted
        irises = balls[:, None, :3] + balls[:, None, 3:] * looks
        rims = irises[:, 1] + balls[:, 3:] * torch.tensor([0.0, 1.0, 0.0])
        places = camera.project(model_to_world(irises.reshape(1, -1, 3)))[0][0].unflatten(0, (2, 2)) * size
        radii = (camera.project(model_to_world(rims[None]))[0][0] * size - places[:, 1]).norm(dim=-1)
        vertices = model.vertices(self.identity, motion.expression)
        loops = vertices[:, torch.stack([model.left_eye, model.right_eye])].reshape(1, -1, 3)
        lids = camera.project(model_to_world(loops))[0][0].unflatten(0, (2, -1)) * size
        turned = frame.copy()
        for (drawn, wanted), radius, loop in zip(places.numpy(), radii.tolist(), lids.numpy(), strict=True):
            _move(turned, drawn, wanted, radius, loop)
        return turned


@dataclass(frozen=True)
class TurnedEyesRenderer:
    """A renderer whose frames look where the motion says."""

    renderer: Any
    eyes: TurnedEyes

    def frames(self, motion: Any) -> Iterator[np.ndarray]:
        """Frames of a motion, (S, S, 3) uint8 RGB, one after another."""
        return self._turned(self.renderer.frames(self._unturned(motion)), motion)

    def cut_out_frames(self, motion: Any) -> Iterator[np.ndarray]:
        """Frames of a motion before nothing, (S, S, 4) uint8, one after another."""
        return self._turned(self.renderer.cut_out_frames(self._unturned(motion)), motion)

    def _unturned(self, motion: Any) -> Any:
        return replace(motion, gaze=self.eyes.drawn.expand_as(motion.gaze))

    def _turned(self, frames: Iterator[np.ndarray], motion: Any) -> Iterator[np.ndarray]:
        for index, frame in enumerate(frames):
            yield self.eyes.turn(frame, motion.slice(index, index + 1))


def with_turned_eyes(renderer: Any, identity: "Tensor", shown: "Tensor | None") -> TurnedEyesRenderer:
    """A renderer whose eyes look where the motion says.

    Args:
        renderer: What draws.
        identity: (80,) of the face model.
        shown: (T, 2) gaze in what the eyes were learned from, of which the median is drawn; None if it is not
            known, for eyes that look straight ahead.
    """
    drawn = identity.new_zeros(2) if shown is None else shown.median(dim=0).values
    return TurnedEyesRenderer(renderer, TurnedEyes(identity.float(), drawn.float()))


def _move(frame: np.ndarray, drawn: np.ndarray, wanted: np.ndarray, radius: float, loop: np.ndarray) -> None:
    """Move one iris in place.

    Args:
        frame: (S, S, C) uint8.
        drawn, wanted: (2,) pixels of the iris, x then y.
        radius: Of the eyeball in pixels.
        loop: (L, 2) pixels of the lids' rim.
    """
    from scipy.ndimage import map_coordinates

    low = np.floor(loop.min(0) - SOFT - 1).astype(int).clip(0, frame.shape[0])
    high = np.ceil(loop.max(0) + SOFT + 2).astype(int).clip(0, frame.shape[0])
    if (high - low < 2).any():
        return
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    points = np.stack([x, y], -1) + 0.5
    way = wanted - drawn
    way = way * min(1.0, FARTHEST * radius / max(float(np.linalg.norm(way)), 1e-6))
    far = np.linalg.norm(points - drawn - way, axis=-1) / radius
    ramp = ((NONE - far) / (NONE - WHOLE)).clip(0, 1)
    weight = ramp * ramp * (3 - 2 * ramp)
    sources = points - weight[..., None] * way
    seen = _inside(points, loop) * _inside(sources, loop)  # skin is neither moved nor taken
    window = frame[low[1] : high[1], low[0] : high[0], :3]
    at = [sources[..., 1] - 0.5, sources[..., 0] - 0.5]
    for channel in range(3):
        moved = map_coordinates(frame[..., channel].astype(np.float32), at, order=1, mode="nearest")
        kept = window[..., channel].astype(np.float32)
        window[..., channel] = np.rint(kept + seen * (moved - kept)).clip(0, 255)


def _inside(points: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """(h, w) from 0 outside to 1 at SOFT pixels inside the closed polygon (L, 2), for points (h, w, 2)."""
    begin, end = loop, np.roll(loop, -1, 0)
    to, along = points[..., None, :] - begin, end - begin
    share = ((to * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)).clip(0, 1)
    distance = np.linalg.norm(to - share[..., None] * along, axis=-1).min(-1)
    y = points[..., 1, None]
    crossing = (begin[:, 1] > y) != (end[:, 1] > y)
    slope = along[:, 0] / np.where(along[:, 1] == 0, 1, along[:, 1])
    odd = (crossing & (points[..., 0, None] < begin[:, 0] + (y - begin[:, 1]) * slope)).sum(-1) % 2
    return np.where(odd == 1, (distance / SOFT).clip(0, 1), 0.0)
