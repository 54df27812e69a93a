"""A folder of the Basel Face Model's format made from the open face model, moved and scaled: real ones are not free."""

from pathlib import Path

import numpy as np
import torch
from scipy.io import savemat

from face3dmm import FaceModel

OFFSET, SCALE = np.array([0.3, -0.2, 0.5]), 1.25


def write_fake_bfm(folder: Path) -> Path:
    """Write it; indices count from 1, bases are flat, and expressions are in another order and size."""
    whole = FaceModel.open_face()
    folder.mkdir(parents=True)
    count = len(whole.mean)
    expression = SCALE * 0.5 * whole.expression_basis.numpy()[..., ::-1]
    matrices = {
        "meanshape": (SCALE * whole.mean.double().numpy() + OFFSET).reshape(1, -1),
        "idBase": SCALE * whole.identity_basis.numpy().reshape(3 * count, 80),
        "exBase": expression.reshape(3 * count, 64),
        "tri": whole.faces.numpy() + 1,
        "keypoints": whole.landmarks_68.numpy()[None] + 1,
    }
    savemat(folder / "BFM_model_front.mat", matrices)
    np.save(folder / "index_mp468_from_mesh35709.npy", whole.landmarks_468.numpy())
    hidden = ~whole.face_region
    left = whole.mean[whole.faces].mean(1)[:, 0] > 0
    for side, which in (("left", hidden & left), ("right", hidden & ~left)):
        np.save(folder / f"bfm_{side}_eye_faces.npy", torch.nonzero(which).flatten().numpy() + 1)
    np.save(folder / "ncc_code.npy", whole.ncc.numpy().T.astype(np.float32))
    return folder
