"""LPIPS (Zhang et al. 2018, version 0.1) on AlexNet or VGG-16, with weights that the user gives."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from portrait3d.errors import InputError
from portrait3d.metrics.given_weights import fill, read_given
from portrait3d.metrics.pixels import Values

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # ImageNet statistics for pictures in [-1, 1]
EPSILON = 1e-10
CHUNK = 4  # frames compared at a time

Backbone = Literal["alex", "vgg"]
# Layers as torchvision numbers them: output channels, kernel, stride, padding of a convolution, which a
# rectifier follows; "pool" is a maximum; "tap" gives the features so far to the comparison.
_ALEX = ((64, 11, 4, 2), "tap", "pool", (192, 5, 1, 2), "tap", "pool", (384, 3, 1, 1), "tap", (256, 3, 1, 1),
         "tap", (256, 3, 1, 1), "tap")  # fmt: skip
_VGG = tuple(
    step
    for number, (channels, convolutions) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)))
    for step in (*(["pool"] if number else []), *[(channels, 3, 1, 1)] * convolutions, "tap")
)
_POOL = {"alex": 3, "vgg": 2}


class Lpips(nn.Module):
    """Distance of deep features, unit length per place, channels weighted as people judged.

    Args:
        backbone: "alex" (what papers report) or "vgg".
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        layers: list[nn.Module] = []
        channels: list[int] = []
        self.taps: list[int] = []
        before = 3
        for step in _ALEX if backbone == "alex" else _VGG:
            if isinstance(step, tuple):
                layers += [nn.Conv2d(before, step[0], step[1], step[2], step[3]), nn.ReLU()]
                before = step[0]
            elif step == "pool":
                layers.append(nn.MaxPool2d(_POOL[backbone], 2))
            else:
                self.taps.append(len(layers))
                channels.append(before)
        self.features = nn.Sequential(*layers)
        self.weights = nn.ParameterList([nn.Parameter(torch.zeros(1, count, 1, 1)) for count in channels])

    @classmethod
    def load(cls, files: Iterable[Path]) -> "Lpips":
        """Read the backbone and the weights of its channels, from one file or from several.

        Takes the state of the official module (`net.slice1.0.weight`, `lin0.model.1.weight`), or
        torchvision's (`features.0.weight`; its classifier is left out) with the official linear layers.

        Raises:
            InputError: If they are not the weights of one of the two networks.
        """
        files = list(files)
        subject = ", ".join(str(file) for file in files)
        tensors = official_names(read_given(files))
        first = tensors.get("features.0.weight")
        if first is None or tuple(first.shape) not in ((64, 3, 11, 11), (64, 3, 3, 3)):
            cause = "the first layer of AlexNet or VGG-16 (features.0.weight) is not in it"
            raise InputError(subject, cause, "Give the backbone and the linear layers of LPIPS 0.1.")
        with torch.device("meta"):
            network = cls("alex" if first.shape[-1] == 11 else "vgg")
        fill(network, tensors, subject)
        return network

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, H, W) in [-1, 1], sides of at least 64 pixels."""
        total = a.new_zeros(len(a))
        for weight, one, other in zip(self.weights, self._levels(a), self._levels(b), strict=True):
            total = total + ((one - other).square() * weight).sum(1).mean((1, 2))
        return total

    def _levels(self, pictures: Tensor) -> Iterator[Tensor]:
        shift, scale = (pictures.new_tensor(values).reshape(3, 1, 1) for values in (SHIFT, SCALE))
        x = (pictures - shift) / scale
        for number, layer in enumerate(self.features, 1):
            x = layer(x)
            if number in self.taps:
                yield x / (x.norm(dim=1, keepdim=True) + EPSILON)


def official_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the official module's and torchvision's tensors to ours; what LPIPS does not use is left out."""
    named = {}
    for name, value in tensors.items():
        name = re.sub(r"^net\.slice\d\.", "features.", name)
        name = re.sub(r"^lins?\.?(\d)\.model\.\d\.weight$", r"weights.\1", name)
        if not name.startswith(("classifier.", "scaling_layer.")):
            named[name] = value
    return named


@torch.inference_mode()
def lpips(network: Lpips, true: NDArray, output: NDArray) -> Values:
    """LPIPS per frame, (T,), of uint8 frames (T, H, W, 3)."""
    values = []
    for start in range(0, len(true), CHUNK):
        a, b = (
            torch.from_numpy(frames[start : start + CHUNK].copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
            for frames in (true, output)
        )
        values.append(network(a, b).double().numpy())
    return np.concatenate(values)
