"""Reading the Basel Face Model 2009, which users have under its own licence; nothing of it is shipped.

The files are those that Deep3DFaceRecon, GeneFace, Real3D-Portrait and MimicTalk all ask for: the "front" cut
of 35,709 vertices with 80 identity directions and 64 expression directions of FaceWarehouse.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from face3dmm.errors import InputError
from face3dmm.landmarks import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS
from face3dmm.model import EXPRESSION_SIZE, IDENTITY_SIZE, LANDMARKS, FaceModel

MODEL = "BFM_model_front.mat"
LANDMARK_INDEX = "index_mp468_from_mesh35709.npy"
EYE_FACES = ("bfm_left_eye_faces.npy", "bfm_right_eye_faces.npy")
NCC = "ncc_code.npy"
ORIGIN = {
    MODEL: "Make it from the Basel Face Model 2009 (faces.dmi.unibas.ch; not for commercial use) as "
    "Deep3DFaceRecon_pytorch describes.",
    LANDMARK_INDEX: "It is in the BFM folder of Real3D-Portrait and MimicTalk (MIT licence).",
    **dict.fromkeys(
        (*EYE_FACES, NCC), "It is in deep_3drecon/ of Real3D-Portrait and MimicTalk (MIT licence)."
    ),
}
# Landmarks whose vertices the published fit leaves out: the cut ends before the ears.
OFF_THE_MESH = (93, 127, 132, 234, 323, 356, 361, 454)


def read_bfm2009(folder: Path) -> FaceModel:
    """Read the model; files may lie in `folder` or, as in the published code, the one above it.

    Args:
        folder: With BFM_model_front.mat, index_mp468_from_mesh35709.npy, bfm_left_eye_faces.npy,
            bfm_right_eye_faces.npy and ncc_code.npy.

    Returns:
        The model in decimetres, centred on the mean of its vertices, as published. It has no ARKIT shapes
        (`named` is 0) and no vertices for some landmarks at the ears (`known_468`).

    Raises:
        InputError: Naming the file that is missing or is not what it should be, where it comes from and under
            which licence.
    """
    parts = _matrices(folder)
    count = len(parts["meanshape"].ravel()) // 3
    shape = parts["meanshape"].astype(np.float32).reshape(count, 3)
    mean = torch.from_numpy(shape - np.mean(shape, axis=0))  # a float32 sum as published: 0.001 px at 512
    faces = torch.from_numpy(parts["tri"].astype(np.int64)) - 1
    landmarks, known = _landmarks(folder, count)
    hidden = torch.zeros(len(faces), dtype=torch.bool)
    for name in EYE_FACES:
        eye = torch.from_numpy(_array(folder, name).astype(np.int64)).flatten() - 1
        if len(eye) and not 0 <= int(eye.min()) <= int(eye.max()) < len(faces):
            raise InputError(
                folder / name, f"names triangles beyond the {len(faces)} of the mesh", ORIGIN[name]
            )
        hidden[eye] = True
    ncc = torch.from_numpy(_array(folder, NCC)).float()
    if tuple(ncc.shape) != (3, count):
        raise InputError(folder / NCC, f"has shape {tuple(ncc.shape)}, not (3, {count})", ORIGIN[NCC])
    open_face = FaceModel.open_face()
    loops = ("inner_lips", "outer_lips", "left_eye", "right_eye", "face_oval")
    return FaceModel(
        mean=mean,
        identity_basis=torch.from_numpy(parts["idBase"]).float().reshape(count, 3, -1),
        expression_basis=torch.from_numpy(parts["exBase"]).float().reshape(count, 3, -1),
        faces=faces,
        face_region=~hidden,
        ncc=ncc.T.contiguous(),
        landmarks_468=landmarks,
        landmarks_68=torch.from_numpy(parts["keypoints"].astype(np.int64)).flatten() - 1,
        known_468=known,
        mirror=_mirror(mean),
        eyeballs=_eyeballs(mean[landmarks], open_face),
        named=torch.tensor(0),
        # Vertices 0 to 467 of the open face model are the landmarks, so its loops are lists of landmarks.
        **{name: landmarks[getattr(open_face, name)] for name in loops},
    )


def _find(folder: Path, name: str) -> Path:
    for place in (folder / name, folder.parent / name):
        if place.is_file():
            return place
    raise InputError(folder / name, "there is no such file", ORIGIN[name])


def _array(folder: Path, name: str) -> np.ndarray[Any, Any]:
    path = _find(folder, name)
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise InputError(path, f"is not a plain numpy array ({error})", ORIGIN[name]) from error


def _matrices(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Matrices of the model file, their shapes checked against one another."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    path = _find(folder, MODEL)
    try:
        found = loadmat(path)
    except (OSError, ValueError, NotImplementedError, TypeError, MatReadError) as error:
        raise InputError(path, f"is not a MATLAB file of version 5 ({error})", ORIGIN[MODEL]) from error
    names = ("meanshape", "idBase", "exBase", "tri", "keypoints")
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(path, f"lacks {', '.join(missing)}", ORIGIN[MODEL])
    size = found["meanshape"].size
    wanted = {
        "idBase": (size, IDENTITY_SIZE),
        "exBase": (size, EXPRESSION_SIZE),
        "tri": (len(found["tri"]), 3),
    }
    for name, shape in wanted.items():
        if found[name].shape != shape:
            raise InputError(path, f"{name} has shape {found[name].shape}, not {shape}", ORIGIN[MODEL])
    if size % 3 or found["keypoints"].size != 68:
        cause = f"has {size} numbers of mean shape and {found['keypoints'].size} keypoints, not 3 V and 68"
        raise InputError(path, cause, ORIGIN[MODEL])
    for name in ("tri", "keypoints"):
        if not 1 <= found[name].min() <= found[name].max() <= size // 3:
            raise InputError(path, f"{name} names vertices beyond the {size // 3} of the mesh", ORIGIN[MODEL])
    return {name: found[name] for name in names}


def _landmarks(folder: Path, count: int) -> tuple[Tensor, Tensor]:
    index = torch.from_numpy(_array(folder, LANDMARK_INDEX).astype(np.int64)).flatten()
    if len(index) != LANDMARKS or int(index.max()) >= count:
        cause = f"has {len(index)} entries up to {int(index.max())}, not {LANDMARKS} below {count}"
        raise InputError(folder / LANDMARK_INDEX, cause, ORIGIN[LANDMARK_INDEX])
    known = index >= 0
    known[list(OFF_THE_MESH)] = False
    return index.clamp_min(0), known


def _mirror(mean: Tensor) -> Tensor:
    from scipy.spatial import cKDTree

    points = mean.numpy()
    return torch.from_numpy(cKDTree(points).query(points * [-1.0, 1.0, 1.0])[1].astype(np.int64))


def _eyeballs(landmarks: Tensor, open_face: FaceModel) -> Tensor:
    """The open face model's eyeballs, moved to the middle of these eye corners and scaled like them."""
    balls = []
    for side, corners in enumerate((LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS)):
        here, there = landmarks[list(corners)], open_face.mean[open_face.landmarks_468[list(corners)]]
        scale = (here[0] - here[1]).norm() / (there[0] - there[1]).norm()
        centre = here.mean(0) + scale * (open_face.eyeballs[side, :3] - there.mean(0))
        balls.append(torch.cat([centre, scale * open_face.eyeballs[side, 3:]]))
    return torch.stack(balls)
