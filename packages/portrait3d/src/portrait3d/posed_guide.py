"""What super-resolution is told of where the face lies in the picture.

Rays are four pixels apart and diff-planes coarser still: an adapted mouth opened half as far as its driver,
because lips that part by a few pixels part by one ray. The PNCC as the camera sees it says at two pixels per
ray which point of the face lies where. A person's own texture, looked up by it, and two convolutions make
features of it that are added inside super-resolution: deferred neural rendering (Thies et al. 2019), the mesh
says where, texture and network how it looks. What has no mesh, hair first, was as coarse as the rays, and its
outline went in steps: it has a texture of features, painted on a dome that stands still on the head. Neither
published system has these; they learn nothing generic and begin as nothing.

Planes and dome stand still, and most frames show open eyes: where these learned them, lids that shut had to
paint them over, and did so half-way. Open eyes are therefore the guide's alone (`FrameGuide.beside_eyes`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.errors import InputError
from portrait3d.head_bounds import Window
from portrait3d.head_dome import dome_places
from portrait3d.precision import exactly

SCALE = 2  # pixels per ray along a line of the posed PNCC
HIDDEN = 24
CHANNELS = 12  # of the textures
FACE, INNER = 256, 128  # texels along a side, of the face and of teeth and eyes
HEAD = 256  # of the dome
BEHIND = -0.99  # depth of the posed PNCC below which it is that of teeth or eyes
EYES = 0.0  # green of the posed PNCC above which it is that of eyes, not teeth
REACH = 2  # pixels that the two convolutions look around one
MULTIPLE = 16  # of sides of what is convolved: each new size costs the convolution library time and memory
EMPTY = -1.0  # of the posed PNCC where there is no face


class PosedGuide(nn.Module):
    """Features (B, W, 2 rows, 2 columns) of a window from the posed PNCC; 0 before it has learned.

    Args:
        width: Channels of super-resolution at twice the ray grid.
        seed: Of the first convolution and of the textures.
    """

    def __init__(self, width: int, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.Conv2d(3 + CHANNELS, HIDDEN, 3, 1, 1)
            self.last = nn.Conv2d(HIDDEN, width, 3, 1, 1)
            self.face = nn.Parameter(0.05 * torch.randn(CHANNELS, FACE, FACE))
            self.inner = nn.Parameter(0.05 * torch.randn(CHANNELS, INNER, INNER))
        self.head = nn.Parameter(torch.zeros(width, HEAD, HEAD))
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "PosedGuide":
        """One with these values, in evaluation; one of before there was a dome has nothing on it.

        Raises:
            InputError: If they are not those of a guide.
        """
        guide = cls(len(tensors["last.bias"]) if "last.bias" in tensors else 1)
        try:
            guide.load_state_dict({"head": guide.head.detach(), **tensors})
        except RuntimeError as error:
            cure = "Learn the person again with this version of portrait3d."
            raise InputError("posed guide", "it is damaged or of another version", cure) from error
        return guide.to(tensors["last.bias"].device).eval()

    def forward(self, posed: Tensor) -> Tensor:
        """Convolved where the face is, elsewhere one value, as if all beyond the border were empty.

        Args:
            posed: (B, 3, h, w) in [-1, 1].

        Returns:
            (B, W, h, w).
        """
        first, last = self.first, self.last
        assert first.bias is not None and last.bias is not None
        hidden = F.leaky_relu(first.bias + EMPTY * first.weight[:, :3].sum((1, 2, 3)), 0.2)
        elsewhere = last.bias + last.weight.sum((2, 3)) @ hidden
        rows, columns = _reached(posed)
        around = F.pad(posed, (REACH,) * 4, value=EMPTY)[
            ..., rows.start : rows.stop + 2 * REACH, columns.start : columns.stop + 2 * REACH
        ]
        around = torch.cat([around, self._looked_up(around)], 1).contiguous(memory_format=torch.channels_last)
        near = F.leaky_relu(F.conv2d(around, first.weight, first.bias), 0.2)
        features = F.conv2d(near, last.weight, last.bias)
        batch, _, height, width = posed.shape
        spread = elsewhere.to(features.dtype)[:, None, None].expand(batch, -1, height, width)
        spread = spread.clone(memory_format=torch.channels_last)
        spread[..., rows, columns] = features
        return spread

    def over(self, posed: Tensor, camera_to_world: Tensor, intrinsics: Tensor) -> "FrameGuide":
        """What `render_head` takes of a frame.

        Args:
            posed: (1, 3, 2G, 2G) its posed PNCC.
            camera_to_world: (4, 4); intrinsics: (3, 3), normalised.
        """
        return FrameGuide(self, posed, camera_to_world, intrinsics)

    def on_dome(self, window: Window, camera_to_world: Tensor, intrinsics: Tensor, grid: int) -> Tensor:
        """Features (1, W, 2 rows, 2 columns) of what stands still on the head."""
        with exactly(self.head.device):
            places = dome_places(camera_to_world, intrinsics, *window.pixels(SCALE), grid)
            return F.grid_sample(self.head[None], places[None], padding_mode="border", align_corners=False)

    def _looked_up(self, posed: Tensor) -> Tensor:
        """Texture of each pixel by its place in the mean face as it is seen from the front, 0 where there is
        none; teeth and eyes have a texture of their own and are told by their depth (`render_posed_pncc`)."""
        place = posed[:, :2].movedim(1, -1).contiguous()  # which is looked up quicker
        with exactly(posed.device):
            face, inner = (
                F.grid_sample(
                    texture.expand(len(posed), -1, -1, -1), place, padding_mode="border", align_corners=False
                )
                for texture in (self.face, self.inner)
            )
        there = (posed > EMPTY).any(1, keepdim=True)
        return torch.where(posed[:, 2:] < BEHIND, inner, face) * there


@dataclass(frozen=True, eq=False)
class FrameGuide:
    """A person's guide over one frame; attributes as of `PosedGuide.over`."""

    guide: PosedGuide
    posed: Tensor
    camera_to_world: Tensor
    intrinsics: Tensor

    def __call__(self, window: Window) -> Tensor:
        """Features (1, W, 2 rows, 2 columns) of a window."""
        face = self.guide(window.take_pixels(self.posed, SCALE))
        grid = self.posed.shape[-1]
        dome = self.guide.on_dome(window, self.camera_to_world, self.intrinsics, grid).to(face.dtype)
        if dome.requires_grad:
            dome = _without_gradient(dome, window.take_pixels(F.max_pool2d(self._eyes(), 3, 1, 1), SCALE))
        return face + dome

    def beside_eyes(self, features: Tensor, window: Window) -> Tensor:
        """The same features (1, C, rows, columns) of a window's rays, which learn nothing from open eyes."""
        if not features.requires_grad:
            return features
        return _without_gradient(features, window.take_rays(F.max_pool2d(self._eyes(), SCALE)))

    def _eyes(self) -> Tensor:
        """(1, 1, 2G, 2G) 1 where an eyeball is seen, else 0."""
        return ((self.posed[:, 2:] < BEHIND) & (self.posed[:, 1:2] > EYES)).to(self.posed.dtype)


def _without_gradient(values: Tensor, where: Tensor) -> Tensor:
    """The same values, which learn nothing where `where` is 1; without copies, of which a step has many."""
    seen = values.view_as(values)
    seen.register_hook(lambda gradient: gradient * (1 - where).to(gradient.dtype))
    return seen


def _reached(posed: Tensor) -> tuple[slice, slice]:
    """Rows and columns that hold the face and what the convolutions carry it to; one pixel without a face."""
    face = (posed > EMPTY).any(0).any(0)
    spans = []
    for lines in (face.any(1), face.any(0)):
        found = torch.nonzero(lines).flatten()
        if not len(found):
            return slice(0, 1), slice(0, 1)
        first, last = int(found[0]) - REACH, int(found[-1]) + REACH
        count = min(-(-(last + 1 - first) // MULTIPLE) * MULTIPLE, len(lines))
        start = min(max(first, 0), len(lines) - count)
        spans.append(slice(start, start + count))
    return spans[0], spans[1]
