"""One face in the terms of two face models: what moves the one, moves the other alike."""

from dataclasses import dataclass

import torch
from torch import Tensor

from face3dmm.arkit_weights import ArkitSolve, landmark_rows, similarity
from face3dmm.camera import CAMERA_DISTANCE, FOCAL, euler_from_rotation, rotation_from_euler
from face3dmm.model import FaceModel


@dataclass(frozen=True, eq=False)
class ModelChange:
    """From coefficients of one model, for one person, to those of another; frame by frame.

    Attributes:
        expression_map: (E', E) from expression to expression.
        rotation: (3, 3) and
        shift: (3,) decimetres and
        scale: of the other model's points, which lay the one resting face on the other:
            scale * rotation @ x' + shift = x.
    """

    expression_map: Tensor
    rotation: Tensor
    shift: Tensor
    scale: float

    @classmethod
    def between(
        cls,
        model: FaceModel,
        other: FaceModel,
        identity: Tensor,
        other_identity: Tensor,
        config: ArkitSolve | None = None,
    ) -> "ModelChange":
        """For a person whose identity is known in both models.

        Expressions are the ridge least squares fit of landmark offsets, lip and lid gaps; resting faces are
        laid on each other by a similarity of their landmarks (Umeyama 1991).

        Args:
            model: That coefficients are of.
            other: That they are wanted of.
            identity: (80,) in `model`.
            other_identity: (80,) in `other`.
            config: `gap` and, as the price of one standard deviation of expression, `distance`.
        """
        config = config or ArkitSolve()
        known = model.known_468 & other.known_468
        at_rest = torch.zeros(model.expression_basis.shape[-1])
        points = model.vertices(identity, at_rest)[model.landmarks_468].double()
        others = other.vertices(other_identity, at_rest)[other.landmarks_468].double()
        turn = similarity(others[known], points[known])
        scale = float(torch.linalg.det(turn)) ** (1 / 3)
        shift = points[known].mean(0) - turn @ others[known].mean(0)
        wanted = landmark_rows(model.expression_basis[model.landmarks_468].double(), known, config.gap)
        offsets = torch.einsum("ij,njk->nik", turn, other.expression_basis[other.landmarks_468].double())
        rows = landmark_rows(offsets, known, config.gap)
        price = config.distance * torch.eye(rows.shape[1]).double()
        expression_map = torch.linalg.solve(rows.T @ rows + price, rows.T @ wanted)
        return cls(expression_map.float(), (turn / scale).float(), shift.float(), scale)

    def expression(self, expression: Tensor) -> Tensor:
        """(T, E) -> (T, E')."""
        return expression @ self.expression_map.T

    def pose(self, euler: Tensor, translation: Tensor, focal: float = FOCAL) -> tuple[Tensor, Tensor]:
        """A head pose with which the other model's face covers the same place of the picture.

        Exact but for the focal length: the head is moved away by as much as a longer lens brings it near,
        which leaves its size and place, while perspective within the face differs.

        Args:
            euler: (T, 3) pitch, yaw, roll in radians.
            translation: (T, 3) in decimetres, for the lens of `FOCAL`.
            focal: Focal length over picture width that the other pose is wanted for.

        Returns:
            euler (T, 3) and translation (T, 3).
        """
        turned = rotation_from_euler(euler)
        eye = translation.new_tensor([0.0, 0.0, CAMERA_DISTANCE])
        from_eye = (turned @ self.shift + translation - eye) / self.scale
        from_eye = from_eye * from_eye.new_tensor([1.0, 1.0, focal / FOCAL])
        return euler_from_rotation(turned @ self.rotation), from_eye + eye
