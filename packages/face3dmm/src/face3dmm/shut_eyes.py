"""Pictures of a face with its eyes shut, made of pictures that show them open.

Half a minute of speech holds two or three blinks of four frames each: too few to learn shut eyes from. The
mesh says where the lids go: the skin between lash line and brow is drawn down over the eye.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.camera import Camera, model_to_world
from face3dmm.model import LANDMARKS, FaceModel
from face3dmm.pncc import person_vertices
from face3dmm.raster import draw_attributes

BLINKS = [ARKIT_NAMES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]
# From the outer to the inner corner, without these: landmarks above each upper lid, the left eye first.
ABOVE = ((467, 260, 259, 257, 258, 286, 414), (247, 30, 29, 27, 28, 56, 190))
MIDDLE = slice(1, 6)  # of a lid's seven landmarks: those that part
MOST = 1.3  # of a blink; more would push the lid through the cheek
LASHES = 0.15  # of a shut lid's height is its rim with the lashes,
RIM = 0.45  # which fills that share of what an open eye shows of the lid: skin stretches, lashes do not
FINER = 2  # samples per pixel along a line
MOVED = 0.3  # pixels: less is left as it is
AROUND = 12  # pixels around what moves that are looked at
NOWHERE = -9.0


@dataclass(frozen=True)
class ShutEyes:
    """Frames with eyes shut.

    Attributes:
        frames: (B, S, S, 3) uint8, which differ from what they were made of around the eyes alone.
        expression: (B, 64) that they show.
    """

    frames: Tensor
    expression: Tensor


def lid_gaps(model: FaceModel, landmarks: Tensor) -> Tensor:
    """How far the lids of both eyes are apart downwards, (…, 2), the left eye first; below 0 if they cross.

    Args:
        model: Of the lids' loops.
        landmarks: (…, 468 or more, 2 or more), y down, in any unit.
    """
    gaps = [
        (landmarks[..., lower, 1] - landmarks[..., upper, 1])[..., MIDDLE].mean(-1)
        for upper, lower in _lids(model)
    ]
    return torch.stack(gaps, -1)


@torch.no_grad()
def shut_eyes(
    model: FaceModel,
    frames: Tensor,
    landmarks: Tensor,
    identity: Tensor,
    expression: Tensor,
    camera: Camera,
    gaps: Tensor,
) -> ShutEyes:
    """Draw the upper lids down.

    Args:
        model: The open face, or one of its mesh and shapes.
        frames: (B, S, S, 3) uint8.
        landmarks: (B, 468 or more, 2 or more) pixels.
        identity: (80,).
        expression: (B, 64) of the frames.
        camera: Of B frames.
        gaps: (B, 2) pixels between the lids that are wanted, as `lid_gaps` counts them.

    Raises:
        ValueError: If the model has another mesh or other shapes, or a shape is not as said here.
    """
    if not torch.equal(model.landmarks_468, torch.arange(LANDMARKS)) or int(model.named) < len(ARKIT_NAMES):
        raise ValueError("eyes are shut with the open face model: this one has another mesh or other shapes")
    count, side = len(frames), frames.shape[1]
    if frames.dtype != torch.uint8 or frames.shape != (count, side, side, 3):
        raise ValueError(f"frames must be uint8 (B, S, S, 3), got {frames.dtype} {tuple(frames.shape)}")
    for name, values, shape in (("expression", expression, (count, 64)), ("gaps", gaps, (count, 2))):
        if tuple(values.shape) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(values.shape)}")
    shut, pictures = expression.clone(), []
    for index, frame in enumerate(frames):
        seen = Camera(camera.camera_to_world[index], camera.intrinsics[index])
        before = _landmarks(model, identity, expression[index], seen, side)
        shut[index] = _shut_expression(model, identity, expression[index], seen, before, gaps[index], side)
        after = _landmarks(model, identity, shut[index], seen, side)
        there = landmarks[index, :LANDMARKS, :2].to(before)
        goal = torch.cat([_moved(model, there, before[:, :2], after[:, :2]), after[:, 2:]], 1)
        pictures.append(_drawn_down(model, frame, there, goal))
    return ShutEyes(torch.stack(pictures) if pictures else frames.clone(), shut)


def _lids(model: FaceModel) -> list[tuple[Tensor, Tensor]]:
    """Seven vertices of upper and lower lid, from the outer to the inner corner, the left eye first."""
    return [(loop[1:8], loop[9:].flip(0)) for loop in (model.left_eye, model.right_eye)]


def _landmarks(model: FaceModel, identity: Tensor, expression: Tensor, camera: Camera, side: int) -> Tensor:
    """(468, 3) pixels and depth of the mesh."""
    points = person_vertices(model, identity[None], expression[None])[0, model.landmarks_468]
    pixels, depth = camera.project(model_to_world(points))
    return torch.cat([pixels * side, depth[..., None]], -1)


def _shut_expression(
    model: FaceModel,
    identity: Tensor,
    expression: Tensor,
    camera: Camera,
    before: Tensor,
    gaps: Tensor,
    side: int,
) -> Tensor:
    """The expression (64,) whose lids are so many pixels apart, which grow in proportion to a blink; `before`
    are the landmarks of the given one."""
    shut, gap = expression.clone(), lid_gaps(model, before)
    for eye, blink in enumerate(BLINKS):
        more = expression.clone()
        more[blink] += 1
        step = lid_gaps(model, _landmarks(model, identity, more, camera, side))[eye] - gap[eye]
        shut[blink] = (expression[blink] + (gaps[eye] - gap[eye]) / step).clamp(0, MOST)
    return shut


def _moved(model: FaceModel, there: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Where landmarks go, (468, 2): as the mesh moves; but an upper lid comes to lie upon the lower as that
    is in the picture, not as it is in the mesh."""
    offset = there - before
    goal = after + offset
    for upper, lower in _lids(model):
        way = (before[lower] - before[upper]).norm(dim=1).clamp_min(1)
        share = ((after[upper] - before[upper]).norm(dim=1) / way).clamp(max=1)[:, None]
        goal[upper] = after[upper] + offset[upper] * (1 - share) + offset[lower] * share
    return goal


def _drawn_down(model: FaceModel, frame: Tensor, there: Tensor, goal: Tensor) -> Tensor:
    """The frame (S, S, 3) with its landmarks (468, 2) drawn to where they go, (468, 3) with depth."""
    moves = (goal[:, :2] - there).norm(dim=1) > MOVED
    rows, columns = _box(torch.cat([there[moves], goal[moves, :2]]), len(frame))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return frame
    rim, band = torch.zeros(LANDMARKS), torch.zeros(LANDMARKS, 2)
    for (upper, _), above in zip(_lids(model), torch.tensor(ABOVE), strict=True):
        rim[upper] = 1
        band[upper] = band[above] = there[upper] - there[above]
    corner = there.new_tensor([columns.start, rows.start])
    height, width = rows.stop - rows.start, columns.stop - columns.start
    in_box = (there - corner) * 2 / there.new_tensor([width, height]) - 1
    told = torch.cat([in_box, band * 2 / there.new_tensor([width, height]), rim[:, None], moves[:, None]], 1)
    corners = torch.cat([(goal[:, :2] - corner) * FINER, goal[:, 2:]], 1)
    faces = model.faces[model.face_region]
    faces = faces[(faces < LANDMARKS).all(1)]
    drawn = draw_attributes(corners[None], faces, told, (FINER * height, FINER * width), NOWHERE)[0]
    covered = (drawn[:1] > NOWHERE / 2).float()
    near = drawn[4]  # 1 at the rim, 0 at the landmarks above
    lashes = 1 - (1 - near) / LASHES * RIM
    taken = torch.where(near > 1 - LASHES, lashes, near * (1 - RIM) / (1 - LASHES))
    place = (drawn[:2] + (taken - near) * drawn[2:4]).permute(1, 2, 0)[None].contiguous()
    picture = frame[rows, columns].permute(2, 0, 1)[None].float()
    skin = F.grid_sample(picture, place, mode="bicubic", padding_mode="border", align_corners=False)
    share = F.avg_pool2d(covered[None], FINER)
    skin = F.avg_pool2d(skin.clamp(0, 255) * covered, FINER) / share.clamp_min(FINER**-2)
    changed = F.max_pool2d((drawn[5:] > 0).float()[None], FINER)
    changed = F.avg_pool2d(F.max_pool2d(changed, 3, 1, 1), 5, 1, 2) * share
    out = frame.clone()
    out[rows, columns] = (picture + (skin - picture) * changed)[0].permute(1, 2, 0).round().to(torch.uint8)
    return out


def _box(points: Tensor, side: int) -> tuple[slice, slice]:
    """Rows and columns around points (N, 2) within a picture; none where there are no points."""
    if not len(points):
        return slice(0, 0), slice(0, 0)
    low = (points.amin(0).floor().long() - AROUND).clamp(0, side)
    high = (points.amax(0).ceil().long() + AROUND).clamp(0, side)
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    return slice(top, bottom), slice(left, right)
