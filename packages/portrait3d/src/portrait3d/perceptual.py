"""Pictures compared by the features of a network that was trained to see (Johnson et al. 2016).

The published training compares features of VGG19 (objects) and of VGG16 trained on faces (VGGFace). Neither
may ship here; the user gives the weight files. Without them the `pyramid` and `energy` terms of
`portrait3d.losses` stand in, which need no download.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.errors import InputError

Perceptual = Callable[[Tensor, Tensor], Tensor]
CURE = "Give torchvision's vgg19 or a VGGFace VGG16."
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALES = 3  # as published: the picture, its half and its quarter
LEVEL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # deeper levels count more (pix2pixHD, section 3.3)
TORCHVISION = re.compile(r"(?:.*\.)?features\.(\d+)\.weight")
CAFFE = re.compile(r"(?:.*\.)?conv(\d)_(\d)\.weight")


class FeatureLoss(nn.Module):
    """L1 of the features behind the first convolution of each of a VGG's levels, at three scales.

    Args:
        state: The network's tensors: `features.N.weight` as torchvision names them, or `conv1_1.weight` as
            Caffe did. Depth and widths are read off; a level ends where the names leave room for a pooling.
        name: For error messages.
    """

    def __init__(self, state: dict[str, Tensor], name: str = "VGG weights") -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.ModuleList(level) for level in _levels(state, name))
        self.requires_grad_(False)

    def features(self, picture: Tensor) -> list[Tensor]:
        """Features of (B, 3, H, W) in [0, 1] behind the first convolution of each level."""
        mean, deviation = (picture.new_tensor(values).reshape(3, 1, 1) for values in (MEAN, DEVIATION))
        x = (picture - mean) / deviation
        taken = []
        for number, level in enumerate(self.levels):
            if min(x.shape[-2:]) < 2:
                break
            x = F.max_pool2d(x, 2) if number else x
            for position, conv in enumerate(level.children()):
                x = F.relu(conv(x))
                if position == 0:
                    taken.append(x)
        return taken

    def forward(self, got: Tensor, wanted: Tensor) -> Tensor:
        """Compare (B, 3, H, W) in [0, 1]; mean over the scales."""
        total = got.new_zeros(())
        for scale in range(SCALES):
            if scale:
                got, wanted = F.avg_pool2d(got, 2), F.avg_pool2d(wanted, 2)
            with torch.no_grad():
                theirs = self.features(wanted)
            for weight, ours, other in zip(LEVEL_WEIGHTS, self.features(got), theirs, strict=False):
                total = total + weight * (ours - other).abs().mean()
        return total / SCALES


def _levels(state: dict[str, Tensor], name: str) -> list[list[nn.Conv2d]]:
    """Convolutions of each level, from the names of the weights."""
    places: dict[tuple[int, int], str] = {}
    plain = sorted((int(m[1]), key) for key in state if (m := TORCHVISION.fullmatch(key)))
    level = 0
    for (before, _), (number, _) in pairwise([(-2, ""), *plain]):
        level += number - before > 2  # convolution, ReLU, pooling: three numbers from one to the next
        places[level, number] = dict(plain)[number]
    places |= {(int(m[1]) - 1, int(m[2])): key for key in state if (m := CAFFE.fullmatch(key))}
    found: list[list[nn.Conv2d]] = []
    channels = 3
    for (level, _), key in sorted(places.items()):
        weight, bias = state[key], state.get(key.removesuffix("weight") + "bias")
        if weight.ndim != 4 or weight.shape[1:] != (channels, 3, 3) or bias is None:
            cause = f"{key} is {tuple(weight.shape)}: not the next 3 x 3 convolution of a VGG"
            raise InputError(name, cause, CURE)
        conv = nn.Conv2d(channels, weight.shape[0], 3, 1, 1)
        conv.weight.data, conv.bias.data = weight.float(), bias.float()  # type: ignore[union-attr]
        channels = weight.shape[0]
        found += [[] for _ in range(level + 1 - len(found))]
        found[level].append(conv)
    if not found:
        raise InputError(name, "no convolution of a VGG is in it", CURE)
    return found


class FeatureLosses(nn.Module):
    """Several networks' verdicts, added up as published: VGG19 and VGGFace.

    Args:
        files: Weight files, .safetensors or what `torch.save` wrote (read without unpickling code).
    """

    def __init__(self, files: list[Path]) -> None:
        super().__init__()
        from portrait3d.weight_files import read_state

        self.networks = nn.ModuleList(FeatureLoss(read_state(path), str(path)) for path in files)

    def forward(self, got: Tensor, wanted: Tensor) -> Tensor:
        """Compare (B, 3, H, W) in [0, 1]."""
        return torch.stack([network(got, wanted) for network in self.networks]).sum()
