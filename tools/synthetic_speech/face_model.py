"""The lip gap of face3dmm's open face model, in the form that `mouth` needs."""

from __future__ import annotations

from .mouth import LipGap

UPPER_LIP, LOWER_LIP, FOREHEAD, CHIN = 13, 14, 10, 152  # MediaPipe landmarks


def open_face_gap() -> LipGap:
    """Distance of the inner lips over the height of the face, per unit of each expression."""
    from face3dmm import ARKIT_NAMES, FaceModel

    model = FaceModel.open_face()
    basis, mean = model.expression_basis[model.landmarks_468], model.mean[model.landmarks_468]
    height = (mean[FOREHEAD] - mean[CHIN]).norm()
    row = (basis[UPPER_LIP, 1] - basis[LOWER_LIP, 1]) / height
    return LipGap(row.double().numpy(), ARKIT_NAMES)
