"""What a portrait would look like from other sides: the picture, laid over the fitted head and turned.

One picture does not say how deep anything is, but the face model fitted to it does, for the face; hair and
ears are put at the depth of the skull next to them. Seen from the side such a relief tears where the picture
showed nothing: `known` says where it is to be believed.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from face3dmm import Camera, FaceCoeffs
    from portrait3d.one_shot import PictureViews

RELIEF = 256  # points per side of the relief
YAWS, PITCHES = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0), (-15.0, 15.0)  # degrees away from the picture's view
GRAZING, FACING = 0.25, 0.6  # cosines between ray and surface: not to be believed, to be believed
CHIN = 152  # of the 468 landmarks


def picture_views(frame: Tensor, head_mask: Tensor, coeffs: "FaceCoeffs") -> "PictureViews":
    """The head of a picture from other sides.

    Args:
        frame: (512, 512, 3) uint8.
        head_mask: (512, 512) uint8.
        coeffs: Fit of the picture, T = 1.
    """
    from face3dmm import Camera
    from portrait3d.one_shot import PictureViews

    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    turns = [(0.0, yaw) for yaw in YAWS] + [(pitch, 0.0) for pitch in PITCHES]
    angles = torch.deg2rad(torch.tensor(turns))
    euler = coeffs.euler + torch.cat([angles, torch.zeros(len(angles), 1)], 1)
    others = Camera.from_head_pose(euler, coeffs.translation.expand_as(euler))
    points = relief(head_mask, coeffs, camera)
    inside = head_mask[1::2, 1::2] > 127
    colours = torch.nn.functional.avg_pool2d(frame.permute(2, 0, 1)[None].float() / 255, 2)[0].permute(
        1, 2, 0
    )
    frames, known, silhouette = [], [], []
    for index in range(len(euler)):
        view = Camera(others.camera_to_world[index], others.intrinsics[index])
        drawn = _turned(points, colours, inside, camera, view, frame.shape[0])
        frames.append(drawn[0])
        known.append(drawn[1])
        silhouette.append(torch.maximum(drawn[2], _skull(coeffs, view, frame.shape[0])))
    return PictureViews(
        torch.stack(frames),
        torch.stack(known),
        torch.stack(silhouette),
        others.camera_to_world,
        others.intrinsics,
    )


def relief(head_mask: Tensor, coeffs: "FaceCoeffs", camera: "Camera") -> Tensor:
    """World points (RELIEF, RELIEF, 3) of what a picture shows of the head.

    Args:
        head_mask: (S, S) uint8.
        coeffs: Fit of the picture, T = 1.
        camera: Of the picture, one frame.
    """
    from face3dmm import FaceModel, rasterize
    from face3dmm.background import flow_in

    model = FaceModel.open_face()
    world = camera.model_to_world(model.vertices(coeffs.identity, coeffs.expression)[0])
    uv, depth = camera.project(world[None])
    corners = torch.cat([uv * RELIEF, depth[..., None]], -1)
    near = depth[0][model.faces].mean(-1) < depth.mean()  # through open eyes one sees the far side
    drawn = rasterize(corners, model.faces[near], RELIEF)
    covered = drawn.index[0] >= 0
    known = torch.where(covered, drawn.depth[0], 0.0)[..., None].expand(-1, -1, 3).numpy()
    deep = torch.from_numpy(flow_in(known, covered.numpy())[..., 0])
    line = (torch.arange(RELIEF) + 0.5) / RELIEF
    v, u = torch.meshgrid(line, line, indexing="ij")
    lens = camera.intrinsics[0]
    x, y = (u - lens[0, 2]) / lens[0, 0], (v - lens[1, 2]) / lens[1, 1]
    seen = torch.stack([x, y, torch.ones_like(x)], -1) * deep[..., None]
    pose = camera.camera_to_world[0]
    return seen @ pose[:3, :3].T + pose[:3, 3]


def _turned(
    points: Tensor, colours: Tensor, inside: Tensor, camera: "Camera", view: "Camera", size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Picture (3, size, size), how far it is known and where it covers, both (1, size, size) in [0, 1]."""
    from face3dmm import rasterize

    side = points.shape[0]
    index = torch.arange(side * side).reshape(side, side)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    whole = inside[:-1, :-1] & inside[:-1, 1:] & inside[1:, :-1] & inside[1:, 1:]
    faces = torch.cat([torch.stack([a, c, b], -1)[whole], torch.stack([b, c, d], -1)[whole]])
    flat = points.reshape(-1, 3)
    corners = flat[faces]
    normal = torch.nn.functional.normalize(
        torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), dim=-1
    )
    middle = corners.mean(1)

    def facing(place: Tensor) -> Tensor:
        towards = torch.nn.functional.normalize(place - middle, dim=-1)
        return (normal * towards).sum(-1)

    first = facing(camera.camera_to_world[0, :3, 3])
    trust = ((torch.minimum(first.abs(), first.sign() * facing(view.camera_to_world[:3, 3])) - GRAZING)
             / (FACING - GRAZING)).clamp(0, 1)  # fmt: skip
    uv, depth = view.project(flat)
    drawn = rasterize(torch.cat([uv * size, depth[..., None]], -1)[None], faces, size)
    hit = drawn.index[0] >= 0
    number = drawn.index[0].clamp_min(0).long()
    share = drawn.barycentric[0][..., None]
    picture = (colours.reshape(-1, 3)[faces[number]] * share).sum(-2).permute(2, 0, 1)
    return picture * hit, (trust[number] * hit)[None], hit[None].float()


def _skull(coeffs: "FaceCoeffs", view: "Camera", size: int) -> Tensor:
    from face3dmm import FaceModel, rasterize

    model = FaceModel.open_face()
    world = view.model_to_world(model.vertices(coeffs.identity, coeffs.expression)[0])
    uv, depth = view.project(world)
    chin = model.mean[model.landmarks_468[CHIN], 1]
    faces = model.faces[(model.mean[model.faces, 1] > chin).all(1)]
    drawn = rasterize(torch.cat([uv * size, depth[..., None]], -1)[None], faces, size)
    return (drawn.index >= 0).float()
