"""A face that is moved in the open model's terms and drawn in those that published weights know.

Motion of this project is that of the open face model. Published weights have only seen the Basel Face Model,
its own field of view and its own 68 points: `face3dmm.ModelChange` leads from the one to the other, for clips
that are learned from as for motion that is drawn, so that what it does not carry over is learned with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mimictalk.driving import CHUNK, FARTHEST

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import Camera, FaceModel, FaceTrack, ModelChange
    from mimictalk.imported_base import ImportedBase
    from portrait3d.full.config import FullConfig

MODEL_IDENTITY = "model_identity"  # in identity.safetensors


@dataclass(frozen=True, eq=False)
class FullFace:
    """One person's face in both models.

    Attributes:
        model: The Basel Face Model.
        config: Of the weights, for sizes.
        identity: (80,) of the open face model.
        model_identity: (80,) of `model`.
        change: From the one to the other.
    """

    model: "FaceModel"
    config: "FullConfig"
    identity: "Tensor"
    model_identity: "Tensor"
    change: "ModelChange"

    @classmethod
    def of(cls, base: "ImportedBase", identity: "Tensor", model_identity: "Tensor") -> "FullFace":
        """A person whose identity is known in both models."""
        from face3dmm import FaceModel, ModelChange

        identity, model_identity = identity.float(), model_identity.float()
        change = ModelChange.between(FaceModel.open_face(), base.face_model, identity, model_identity)
        return cls(base.face_model, base.config, identity, model_identity, change)

    @classmethod
    def fitted(cls, base: "ImportedBase", track: "FaceTrack") -> "FullFace":
        """The person of a track, fitted once more to its landmarks."""
        from face3dmm import fit_landmarks

        found = fit_landmarks(base.face_model, track.landmarks, confidence=track.coeffs.confidence)
        return cls.of(base, track.coeffs.identity, found.identity)

    def pncc(self, expression: "Tensor") -> "Tensor":
        """(T, 64) of the open model -> (T, 3, S, S) uint8, S the side of the weights' pictures."""
        import torch

        from face3dmm import FULL, render_pncc

        moved = self.change.expression(expression)
        size = self.config.picture_size
        return render_pncc(self.model, self.model_identity, moved, size, convention=FULL, dtype=torch.uint8)

    def cameras(self, euler: "Tensor", translation: "Tensor") -> "Camera":
        """Cameras of T frames as the weights know them: placed for the field of view of the pictures that
        faces were fitted in, with the lens that all planes are seen through (published, section 4.5)."""
        from face3dmm import Camera

        return Camera.from_head_pose(*self._pose(euler, translation))

    def keypoints(self, expression: "Tensor", euler: "Tensor", translation: "Tensor") -> "Tensor":
        """(T, K, 2) in [-1, 1]: the points that drive the torso, jaw and all."""
        from face3dmm import FULL, Camera
        from portrait3d.full.torso_motion import torso_keypoints

        camera = Camera.from_head_pose(*self._pose(euler, translation), FULL.focal)
        vertices = self.model.vertices(self.model_identity, self.change.expression(expression))
        points = camera.model_to_world(vertices[:, self.model.landmarks_68])
        landmarks = (camera.project(points)[0] * 2 - 1).clamp(-FARTHEST, FARTHEST)
        return torso_keypoints(landmarks, self.config.torso_keypoints)

    def _pose(self, euler: "Tensor", translation: "Tensor") -> tuple["Tensor", "Tensor"]:
        from face3dmm import FULL

        return self.change.pose(euler, translation, FULL.focal)

    def drives(
        self, expression: "Tensor", euler: "Tensor", translation: "Tensor"
    ) -> "Iterator[tuple[Tensor, Tensor, Tensor, Tensor, None]]":
        """One (pncc, camera_to_world, intrinsics, keypoints, None) per frame, in chunks: memory stays flat.

        Args:
            expression: (T, 64) of the open model.
            euler: (T, 3) radians.
            translation: (T, 3) decimetres.
        """
        from portrait3d.clip import pncc_to_float

        for start in range(0, len(expression), CHUNK):
            part = slice(start, start + CHUNK)
            pncc = pncc_to_float(self.pncc(expression[part]))
            camera = self.cameras(euler[part], translation[part])
            keypoints = self.keypoints(expression[part], euler[part], translation[part])
            for frame in zip(pncc, camera.camera_to_world, camera.intrinsics, keypoints, strict=True):
                yield *frame, None
