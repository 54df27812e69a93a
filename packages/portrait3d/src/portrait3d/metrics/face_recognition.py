"""CSIM: how much two faces look like one person's, by an ArcFace network whose weights the user gives.

The graph is the improved ResNet that ArcFace (Deng et al. 2019) is published with, with the names of its
PyTorch weights (`layer1.0.conv1.weight`); how deep it is, is read from the file.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.errors import InputError
from portrait3d.metrics.given_weights import fill, read_given

SIDE, EMBEDDING = 112, 512
WIDTHS = (64, 128, 256, 512)
# Where ArcFace wants the eyes, the tip of the nose and the corners of the mouth, picture's left first.
TEMPLATE = (
    *((38.2946, 51.6963), (73.5318, 51.5014)),
    (56.0252, 71.7366),
    *((41.5493, 92.3655), (70.7299, 92.2041)),
)
CHUNK = 16  # faces at a time


class Unit(nn.Module):
    """Pre-activated residual unit of two 3 x 3 convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        shortcut = [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
        self.downsample = nn.Sequential(*shortcut) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y = self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x)))))
        return self.bn3(y) + (x if self.downsample is None else self.downsample(x))


class FaceRecognition(nn.Module):
    """Identity embeddings (B, 512) of aligned faces.

    Args:
        units: Residual units of the four stages: (3, 4, 14, 3) is the 50-layer network, (3, 13, 30, 3) the
            100-layer one.
    """

    def __init__(self, units: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.prelu = nn.PReLU(WIDTHS[0])
        before = WIDTHS[0]
        for number, (count, width) in enumerate(zip(units, WIDTHS, strict=True), 1):
            stage = [Unit(before if i == 0 else width, width, 2 if i == 0 else 1) for i in range(count)]
            self.add_module(f"layer{number}", nn.Sequential(*stage))
            before = width
        self.bn2 = nn.BatchNorm2d(before)
        self.fc = nn.Linear(before * (SIDE // 16) ** 2, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING)

    @classmethod
    def load(cls, file: Path) -> "FaceRecognition":
        """Read published weights of any depth.

        Raises:
            InputError: If they are not those of such a network.
        """
        tensors = read_given([file])
        units = tuple(
            len({name.split(".")[1] for name in tensors if name.startswith(f"layer{stage}.")})
            for stage in range(1, 5)
        )
        if 0 in units:
            cause = "it holds no improved ResNet (layer1.0.conv1.weight to layer4…)"
            raise InputError(str(file), cause, "Give the weights of ArcFace's PyTorch backbone.")
        with torch.device("meta"):
            network = cls(units)
        fill(network, tensors, str(file))
        return network

    def forward(self, faces: Tensor) -> Tensor:
        """(B, 3, 112, 112) RGB in [-1, 1] to (B, 512), not normalised."""
        x = self.prelu(self.bn1(self.conv1(faces)))
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


def similarity_transform(points: NDArray) -> NDArray[np.float64]:
    """The (2, 3) scaling, rotation and shift that brings TEMPLATE nearest to five points, least squares.

    Args:
        points: (5, 2) pixels in the order of TEMPLATE.
    """
    rows, wanted = [], []
    for (x, y), (u, v) in zip(TEMPLATE, np.asarray(points, np.float64), strict=True):
        rows += [(x, -y, 1, 0), (y, x, 0, 1)]
        wanted += [u, v]
    a, b, right, down = np.linalg.lstsq(np.array(rows, np.float64), np.array(wanted), rcond=None)[0]
    return np.array([[a, -b, right], [b, a, down]])


def align(frame: NDArray, points: NDArray) -> Tensor:
    """Cut an upright face out of a frame.

    Args:
        frame: (H, W, 3) uint8 RGB.
        points: (5, 2) pixels: eye, eye, tip of the nose, corner, corner of the mouth, picture's left first.

    Returns:
        (3, 112, 112) in [-1, 1], bilinear; black outside the frame.
    """
    height, width = frame.shape[:2]
    axis = np.arange(SIDE, dtype=np.float64)
    places = np.stack([*np.meshgrid(axis, axis), np.ones((SIDE, SIDE))])
    x, y = np.einsum("ij,jhw->ihw", similarity_transform(points), places)
    grid = torch.from_numpy(np.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)).float()
    picture = torch.tensor(frame).permute(2, 0, 1)[None].float()
    return F.grid_sample(picture, grid[None], align_corners=False)[0] / 127.5 - 1


@torch.inference_mode()
def embeddings(network: FaceRecognition, frames: NDArray, points: NDArray) -> Tensor:
    """Unit vectors (T, 512) of the faces in uint8 frames (T, H, W, 3) at points (T, 5, 2)."""
    faces = [align(frame, five) for frame, five in zip(frames, points, strict=True)]
    found = [network(torch.stack(faces[i : i + CHUNK])) for i in range(0, len(faces), CHUNK)]
    return F.normalize(torch.cat(found), dim=1)


def mean_similarity(made: list[Tensor], true: list[Tensor], *, frame_by_frame: bool) -> float:
    """CSIM: mean cosine of unit vectors, of frame with frame, or of every one with every one.

    Args:
        made: Parts (n, 512) of the output's embeddings.
        true: Parts of the person's; as many in all when they are compared frame by frame.
        frame_by_frame: Compare the first with the first and so on.
    """
    a, b = torch.cat(made), torch.cat(true)
    return float((a * b).sum(1).mean() if frame_by_frame else (a @ b.T).mean())
