"""PNCC: the face at zero pose, coloured by place in the mean shape (Zhu et al. 2016, section 3.2)."""

import torch
from torch import Tensor

from face3dmm.camera import Camera, model_to_world
from face3dmm.model import FaceModel
from face3dmm.raster import draw_attributes

# Window (x0, y0, side) of the zero-pose picture, the same for everybody: the mean face fills four fifths of
# its height and a wide-open jaw stays inside.
PNCC_CROP = (0.04, 0.095, 0.92)
BACKGROUND = -1.0


def render_pncc(
    model: FaceModel,
    identity: Tensor,
    expression: Tensor,
    size: int = 256,
    *,
    shell: bool = False,
    crop: tuple[float, float, float] = PNCC_CROP,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw expressions at zero pose, each point in the colour of its place in the mean shape.

    Args:
        model: Face model.
        identity: (80,) or (B, 80).
        expression: (B, 64).
        size: Width and height in pixels.
        shell: Draw skull and neck too, not only the face mesh.
        crop: Window (x0, y0, side) of the normalised picture at zero pose and zero translation.
        dtype: torch.float32, or torch.uint8 for storage: value / 127.5 - 1 gives the float back within 1/255.

    Returns:
        (B, 3, size, size) on the CPU, in [-1, 1] (uint8: 0..255); background, eye and mouth openings are -1
        (0). Not differentiable. A frame's picture does not depend on the batch it is in.
    """
    if expression.ndim != 2 or expression.shape[-1] != model.expression_basis.shape[-1]:
        raise ValueError(f"expression must have shape (B, 64), got {tuple(expression.shape)}")
    if dtype not in (torch.float32, torch.uint8):
        raise ValueError(f"dtype must be torch.float32 or torch.uint8, got {dtype}")
    zero = model.mean.new_zeros(3)
    camera = Camera.from_head_pose(zero, zero).crop(*crop)
    with torch.no_grad():
        # Frame by frame: a product over the batch rounds differently for each batch size, and a frame's
        # picture must not depend on the frames it is drawn with.
        screen = model.mean.new_empty((len(expression), *model.mean.shape))
        for frame, person, face in zip(screen, identity.expand(len(expression), -1), expression, strict=True):
            uv, depth = camera.project(model_to_world(model.vertices(person, face)))
            frame[:, :2], frame[:, 2] = uv * size, depth
        faces = model.faces[_outside(model)] if shell else model.faces[model.face_region]
        if dtype == torch.uint8:
            return draw_attributes(screen, faces, model.ncc * 255, size).round_().to(torch.uint8)
        return draw_attributes(screen, faces, model.ncc * 2 - 1, size, BACKGROUND)


def _outside(model: FaceModel) -> Tensor:
    """Mask (F,): the face, and the shell where it faces the camera.

    The inner side of the back of the head would otherwise fill the eye and mouth openings.
    """
    a, b, c = model.mean[model.faces].unbind(1)
    return model.face_region | (torch.linalg.cross(b - a, c - a)[:, 2] > 0)
