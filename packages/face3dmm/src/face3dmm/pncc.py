"""PNCC: the face at zero pose, coloured by place in the mean shape (Zhu et al. 2016, section 3.2)."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor

from face3dmm.camera import FOCAL, Camera, model_to_world
from face3dmm.gaze_marks import eyeballs_of, iris_discs, mark_irises
from face3dmm.model import FaceModel
from face3dmm.raster import draw_attributes

# Window (x0, y0, side) of the zero-pose picture, the same for everybody: the mean face fills four fifths of
# its height and a wide-open jaw stays inside.
PNCC_CROP = (0.04, 0.095, 0.92)
BACKGROUND = -1.0
CHUNK = 16  # frames that are drawn at once where the answer is bytes


@dataclass(frozen=True)
class PnccConvention:
    """What the weights of a network fix of its PNCC pictures.

    The same in all: a pinhole camera 10 dm before the model's origin, looking along -z; y up in the model,
    down in the picture; one sample at each pixel's centre; of all triangles, seen from either side, the
    nearest; values 2 ncc - 1, interpolated with perspective; background and holes -1.

    Attributes:
        size: Width and height in pixels.
        focal: Focal length over the width of the uncropped picture; the field of view is 2 atan(0.5 / focal).
        crop: Window (x0, y0, side) of the normalised picture at zero pose and zero translation.
        first_triangle: Draw the first of the triangles that are to be drawn; False leaves a hole for it.
    """

    size: int = 256
    focal: float = FOCAL
    crop: tuple[float, float, float] = PNCC_CROP
    first_triangle: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.size <= 16384:
            raise ValueError(f"size must be 1..16384 pixels, got {self.size}")
        if not self.focal > 0:
            raise ValueError(f"focal must be > 0, got {self.focal}")
        if len(self.crop) != 3 or not self.crop[2] > 0:
            raise ValueError(f"crop must be (x0, y0, side) with side > 0, got {self.crop}")

    def camera(self, like: Tensor) -> Camera:
        """The camera of these pictures, of the dtype and on the device of `like`."""
        zero = like.new_zeros(3)
        return Camera.from_head_pose(zero, zero, self.focal).crop(*self.crop)


SMALL = PnccConvention()
"""What the networks that ship with this project are trained on."""

FULL = PnccConvention(size=512, focal=1015 / 224, crop=(0.0, 0.0, 1.0), first_triangle=False)
"""What the published weights of Real3D-Portrait and MimicTalk are trained on, with `FaceModel.from_bfm2009`.

Their `deep_3drecon/secc_renderer.py` has a field of view of 2 atan(112 / 1015); near 5 and far 15 cut nothing
off a face. It takes triangle numbers above 0 for drawn, which leaves a hole where number 0 is nearest: in the
first frame of each call, so in every canonical and source picture and wherever frames are drawn one by one.
Pictures here do not depend on their batch, so the hole is always there."""


class PnccTriple(NamedTuple):
    """What a motion adapter takes: canonical (3, S, S), source (3, S, S) and driving (B, 3, S, S)."""

    canonical: Tensor
    source: Tensor
    driving: Tensor


def render_pncc(
    model: FaceModel,
    identity: Tensor,
    expression: Tensor,
    size: int | None = None,
    *,
    shell: bool = False,
    crop: tuple[float, float, float] | None = None,
    dtype: torch.dtype = torch.float32,
    convention: PnccConvention = SMALL,
    gaze: Tensor | None = None,
) -> Tensor:
    """Draw expressions at zero pose, each point in the colour of its place in the mean shape.

    Args:
        model: Face model.
        identity: (80,) or (B, 80).
        expression: (B, 64).
        size: Width and height in pixels; None for the convention's.
        shell: Draw skull and neck too, not only the face mesh.
        crop: Window (x0, y0, side) of the normalised picture; None for the convention's.
        dtype: torch.float32, or torch.uint8 for storage: value / 127.5 - 1 gives the float back within 1/255.
        convention: SMALL, or FULL as the published weights need.
        gaze: (B, 2) as in `FaceCoeffs`, to see white irises in the eye openings; None leaves them empty, as
            all weights so far need.

    Returns:
        (B, 3, size, size) on the CPU, in [-1, 1] (uint8: 0..255); background, eye and mouth openings are -1
        (0). Not differentiable. A frame's picture does not depend on the batch it is in.

    Raises:
        ValueError: If a shape or a value is not as said here.
    """
    if expression.ndim != 2 or expression.shape[-1] != model.expression_basis.shape[-1]:
        raise ValueError(f"expression must have shape (B, 64), got {tuple(expression.shape)}")
    if dtype not in (torch.float32, torch.uint8):
        raise ValueError(f"dtype must be torch.float32 or torch.uint8, got {dtype}")
    convention = PnccConvention(
        convention.size if size is None else size,
        convention.focal,
        convention.crop if crop is None else (*crop,),
        convention.first_triangle,
    )
    count = len(expression)
    people = identity.expand(count, -1)
    if gaze is not None and gaze.shape != (count, 2):
        raise ValueError(f"gaze must have shape ({count}, 2), got {tuple(gaze.shape)}")
    faces = model.faces[_outside(model)] if shell else model.faces[model.face_region]
    with torch.no_grad():
        if dtype == torch.float32:
            return _draw(model, people, expression, gaze, faces, convention, (BACKGROUND, 1.0))
        looks = repeat(None) if gaze is None else gaze.split(CHUNK)
        parts = zip(people.split(CHUNK), expression.split(CHUNK), looks, strict=False)
        drawn = (_draw(model, *part, faces, convention, (0.0, 255.0)) for part in parts)
        return torch.cat([picture.round_().to(torch.uint8) for picture in drawn])


def render_pncc_triple(
    model: FaceModel,
    identity: Tensor,
    source: Tensor,
    driving: Tensor,
    *,
    source_gaze: Tensor | None = None,
    driving_gaze: Tensor | None = None,
    size: int | None = None,
    dtype: torch.dtype = torch.float32,
    convention: PnccConvention = SMALL,
) -> PnccTriple:
    """The person at rest, as in the source frame, and as wanted: what a motion adapter takes.

    Args:
        model: Face model.
        identity: (80,) of the person who is drawn.
        source: (64,) expression in the frame that the person's appearance is taken from.
        driving: (B, 64) wanted expressions.
        source_gaze: (2,), with driving_gaze (B, 2), to draw irises; the person at rest looks straight ahead.
        driving_gaze: (B, 2).
        size: As in `render_pncc`.
        dtype: As in `render_pncc`.
        convention: As in `render_pncc`.

    Raises:
        ValueError: As `render_pncc`, or if only one gaze is given.
    """
    if (source_gaze is None) != (driving_gaze is None):
        raise ValueError("source_gaze and driving_gaze belong together: give both or none")
    gaze = None
    if source_gaze is not None and driving_gaze is not None:
        gaze = torch.cat([torch.zeros_like(source_gaze)[None], source_gaze[None], driving_gaze])
    wanted = torch.cat([torch.zeros_like(source)[None], source[None], driving])
    drawn = render_pncc(model, identity, wanted, size, dtype=dtype, convention=convention, gaze=gaze)
    return PnccTriple(drawn[0], drawn[1], drawn[2:])


def _draw(
    model: FaceModel,
    people: Tensor,
    expression: Tensor,
    gaze: Tensor | None,
    faces: Tensor,
    convention: PnccConvention,
    values: tuple[float, float],
) -> Tensor:
    """(B, 3, S, S) with the colour cube spread over `values`, the first of which is the background."""
    size, (low, high) = convention.size, values
    camera = _camera(convention, model.mean.dtype, model.mean.device)
    screen = _project(camera, model_to_world(person_vertices(model, people, expression)), size)
    colours = model.ncc * (high - low) + low
    if convention.first_triangle:
        picture = draw_attributes(screen, faces, colours, size, low)
    else:
        picture = draw_attributes(*_hollow_first(screen, faces, colours), size, low).clamp_min_(low)
    if gaze is not None and len(gaze):
        eyeballs = torch.stack([eyeballs_of(model, person) for person in people])
        lids = screen[:, torch.stack([model.left_eye, model.right_eye]), :2]
        discs = iris_discs(eyeballs, gaze, camera, size)
        # White, the corner of the colour cube before, above and to the left of the head: no point of a face
        # is near it, and nothing is farther from the background.
        mark_irises(picture, lids, discs, low, high)
    return picture


def person_vertices(model: FaceModel, people: Tensor, expression: Tensor) -> Tensor:
    """`FaceModel.vertices` (B, V, 3), with the shape of a person who stays the same worked out once.

    Frame by frame: a product over the batch rounds differently for each batch size, and a frame's picture
    must not depend on the frames it is drawn with.
    """
    identity_basis, expression_basis = (
        model.identity_basis.flatten(0, 1).T,
        model.expression_basis.flatten(0, 1).T,
    )
    offset = model.mean.new_empty((len(expression), model.mean.numel()))
    same = people.stride(0) == 0
    still = people[0] @ identity_basis if same and len(people) else None
    for frame, person, face in zip(offset, people, expression, strict=True):
        torch.add(person @ identity_basis if still is None else still, face @ expression_basis, out=frame)
    return model.mean + offset.unflatten(-1, (len(model.mean), 3))


def _project(camera: Camera, points_world: Tensor, size: int) -> Tensor:
    """(B, V, 3) pixels and depth, as `Camera.project` of one upright camera (rotation OPENCV_FLIP) has them.

    Number by number, which rounds alike whatever the batch, and all frames at once.
    """
    x, y, z = (points_world - camera.camera_to_world[:3, 3]).unbind(-1)
    (fx, _, cx), (_, fy, cy) = camera.intrinsics[:2].tolist()
    depth = -z
    return torch.stack([(fx * x / depth + cx) * size, (cy - fy * y / depth) * size, depth], -1)


@lru_cache(16)
def _camera(convention: PnccConvention, dtype: torch.dtype, device: torch.device) -> Camera:
    return convention.camera(torch.zeros((), dtype=dtype, device=device))


def _hollow_first(screen: Tensor, faces: Tensor, colours: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mesh with vertices of its own for the first triangle, of colours far below every background."""
    own = torch.arange(3, device=faces.device) + len(colours)
    return (
        torch.cat([screen, screen[:, faces[0]]], 1),
        torch.cat([own[None], faces[1:]]),
        torch.cat([colours, torch.full_like(colours[:3], -1e6)]),
    )


def _outside(model: FaceModel) -> Tensor:
    """Mask (F,): the face, and the shell where it faces the camera.

    The inner side of the back of the head would otherwise fill the eye and mouth openings.
    """
    a, b, c = model.mean[model.faces].unbind(1)
    return model.face_region | (torch.linalg.cross(b - a, c - a)[:, 2] > 0)
