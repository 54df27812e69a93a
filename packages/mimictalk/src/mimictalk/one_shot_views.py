"""What a portrait would look like from other sides: the picture, laid over the fitted head and turned.

One picture does not say how deep anything is, but the face model fitted to it does, for the face; hair and
ears are put at the depth of the skull next to them. Seen from the side such a relief tears where the picture
showed nothing: `known` says where it is to be believed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from face3dmm import Camera, FaceCoeffs
    from portrait3d.one_shot import PictureViews

RELIEF = 256  # points per side of the relief
YAWS, PITCHES = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0), (-15.0, 15.0)  # degrees away from the picture's view
GRAZING, FACING = 0.25, 0.6  # cosines between ray and surface: not to be believed, to be believed
TORN = 2.0  # a side of the relief that grows longer than so many times is torn: lips part there
BEHIND = 0.01  # world units by which eyes lie behind their lids, for these to shut over them
CHIN = 152  # of the 468 landmarks
# What the face is made to say, in ARKit shapes; names without a side mean both.
SAID = (
    {"jawOpen": 0.55, "mouthLowerDown": 0.2},
    {"jawOpen": 0.25, "mouthStretch": 0.2},
    {"jawOpen": 0.28, "mouthFunnel": 0.6},
    {"jawOpen": 0.08, "mouthPucker": 0.75},
    {"mouthSmile": 0.7, "mouthStretch": 0.4, "jawOpen": 0.12},
    {"eyeBlink": 1.0},
)


@dataclass(frozen=True)
class Relief:
    """What a picture shows of the head, as a surface.

    Attributes:
        points: (RELIEF, RELIEF, 3) world points, one per pixel.
        triangle: (RELIEF, RELIEF) the face model's triangle that lies there; -1 for hair and open mouths.
        barycentric: (RELIEF, RELIEF, 3) where in it.
    """

    points: Tensor
    triangle: Tensor
    barycentric: Tensor

    def moved(self, coeffs: "FaceCoeffs", expression: Tensor) -> Tensor:
        """Points (RELIEF, RELIEF, 3) when the face of `coeffs` takes another expression (64,)."""
        from face3dmm import FaceModel
        from face3dmm.camera import model_to_world

        model = FaceModel.open_face()
        there, here = (
            model_to_world(model.vertices(coeffs.identity, value))
            for value in (expression, coeffs.expression[0])
        )
        corners = (there - here)[model.faces[self.triangle.clamp_min(0)]]
        shift = (corners * self.barycentric[..., None]).sum(-2)
        return self.points + torch.where(self.triangle[..., None] >= 0, shift, 0.0)


def picture_views(frame: Tensor, head_mask: Tensor, coeffs: "FaceCoeffs") -> "PictureViews":
    """The head of a picture from other sides, and saying something.

    Args:
        frame: (512, 512, 3) uint8.
        head_mask: (512, 512) uint8.
        coeffs: Fit of the picture, T = 1.
    """
    from face3dmm import Camera, render_pncc
    from face3dmm.model import FaceModel
    from portrait3d.one_shot import PictureViews

    turns = [(0.0, yaw) for yaw in YAWS] + [(pitch, 0.0) for pitch in PITCHES]
    said = said_expressions(coeffs.expression[0])
    angles = torch.deg2rad(torch.tensor([*turns, *[(0.0, 0.0)] * len(said)]))
    euler = coeffs.euler + torch.cat([angles, torch.zeros(len(angles), 1)], 1)
    expression = torch.cat([coeffs.expression.expand(len(turns), -1), said])
    camera = Camera.from_head_pose(coeffs.euler, coeffs.translation)
    others = Camera.from_head_pose(euler, coeffs.translation.expand_as(euler))
    surface = relief(coeffs, camera)
    inside = head_mask[1::2, 1::2] > 127
    whole = frame.permute(2, 0, 1)[None].float() / 255
    colours = torch.nn.functional.avg_pool2d(whole, 2)[0].permute(1, 2, 0)
    frames, known, silhouette, opened = [], [], [], []
    for index in range(len(euler)):
        view = Camera(others.camera_to_world[index], others.intrinsics[index])
        points = surface.moved(coeffs, expression[index])
        drawn = _turned(surface.points, points, colours, inside, camera, view, frame.shape[0])
        frames.append(drawn[0])
        known.append(drawn[1])
        opened.append(drawn[3])
        silhouette.append(torch.maximum(drawn[2], _skull(coeffs, view, frame.shape[0])))
    return PictureViews(
        torch.stack(frames),
        torch.stack(known),
        torch.stack(silhouette),
        torch.stack(opened),
        others.camera_to_world,
        others.intrinsics,
        render_pncc(FaceModel.open_face(), coeffs.identity, expression),
    )


def said_expressions(expression: Tensor) -> Tensor:
    """Expressions (N, 64) for a face that shows one (64,): it keeps what `SAID` does not name."""
    from face3dmm import ARKIT_NAMES

    rows = []
    for shapes in SAID:
        row = expression.clone()
        for name, value in shapes.items():
            for side in ("Left", "Right") if name not in ARKIT_NAMES else ("",):
                row[ARKIT_NAMES.index(name + side)] = value
        rows.append(row)
    return torch.stack(rows)


def relief(coeffs: "FaceCoeffs", camera: "Camera") -> Relief:
    """The surface behind the pixels of a picture.

    Args:
        coeffs: Fit of the picture, T = 1.
        camera: Of the picture, one frame.
    """
    from face3dmm import FaceModel, rasterize
    from face3dmm.background import flow_in

    model = FaceModel.open_face()
    world = camera.model_to_world(model.vertices(coeffs.identity, coeffs.expression)[0])
    uv, depth = camera.project(world[None])
    corners = torch.cat([uv * RELIEF, depth[..., None]], -1)
    near = torch.nonzero(
        depth[0][model.faces].mean(-1) < depth.mean()
    ).flatten()  # open eyes show the far side
    drawn = rasterize(corners, model.faces[near], RELIEF)
    covered = drawn.index[0] >= 0
    known = torch.where(covered, drawn.depth[0], 0.0)[..., None].expand(-1, -1, 3).numpy()
    deep = torch.from_numpy(flow_in(known, covered.numpy())[..., 0])
    deep = torch.where(covered, deep, deep + BEHIND)
    line = (torch.arange(RELIEF) + 0.5) / RELIEF
    v, u = torch.meshgrid(line, line, indexing="ij")
    lens = camera.intrinsics[0]
    x, y = (u - lens[0, 2]) / lens[0, 0], (v - lens[1, 2]) / lens[1, 1]
    seen = torch.stack([x, y, torch.ones_like(x)], -1) * deep[..., None]
    pose = camera.camera_to_world[0]
    triangle = torch.where(covered, near[drawn.index[0].clamp_min(0).long()], -1)
    return Relief(seen @ pose[:3, :3].T + pose[:3, 3], triangle, drawn.barycentric[0])


def _turned(
    before: Tensor,
    points: Tensor,
    colours: Tensor,
    inside: Tensor,
    camera: "Camera",
    view: "Camera",
    size: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Picture (3, size, size); how far it is known, where it covers and is torn, each (1, size, size)."""
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
    torn = (_edges(corners) > TORN * _edges(before.reshape(-1, 3)[faces])).any(-1)
    trust = trust * ~torn
    uv, depth = view.project(flat)
    drawn = rasterize(torch.cat([uv * size, depth[..., None]], -1)[None], faces, size)
    hit = drawn.index[0] >= 0
    number = drawn.index[0].clamp_min(0).long()
    share = drawn.barycentric[0][..., None]
    picture = (colours.reshape(-1, 3)[faces[number]] * share).sum(-2).permute(2, 0, 1)
    return picture * hit, (trust[number] * hit)[None], hit[None].float(), (torn[number] * hit)[None].float()


def _edges(corners: Tensor) -> Tensor:
    """Lengths (F, 3) of the sides of triangles (F, 3, 3)."""
    return (corners - corners.roll(1, 1)).norm(dim=-1)


def _skull(coeffs: "FaceCoeffs", view: "Camera", size: int) -> Tensor:
    from face3dmm import FaceModel, rasterize

    model = FaceModel.open_face()
    world = view.model_to_world(model.vertices(coeffs.identity, coeffs.expression)[0])
    uv, depth = view.project(world)
    chin = model.mean[model.landmarks_468[CHIN], 1]
    faces = model.faces[(model.mean[model.faces, 1] > chin).all(1)]
    drawn = rasterize(torch.cat([uv * size, depth[..., None]], -1)[None], faces, size)
    return (drawn.index >= 0).float()
