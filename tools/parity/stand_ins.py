"""What the published renderer imports, where it is not installed: the few names that it uses of it."""

import importlib.util
import sys
from collections import defaultdict
from types import ModuleType
from typing import Any

import torch
from functorch.einops import rearrange
from torch import Tensor, nn


def stand_in(name: str, **names: Any) -> None:
    """Put a module of `names` where a package is not installed; parents too."""
    root = name.partition(".")[0]
    if root not in sys.modules and importlib.util.find_spec(root) is not None:
        return
    parent = ""
    for part in name.split("."):
        path = f"{parent}.{part}" if parent else part
        module = sys.modules.setdefault(path, ModuleType(path))
        module.__path__ = []
        if parent:
            setattr(sys.modules[parent], part, module)
        parent = path
    vars(sys.modules[name]).update(names)


class DropPath(nn.Identity):
    """timm's stochastic depth as it is in evaluation; nothing here trains."""

    def __init__(self, probability: float = 0.0) -> None:
        super().__init__()


class ConvModule(nn.Module):
    """mmcv's convolution without bias, batch norm and ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, norm_cfg: dict[str, Any]
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(x)))


class BasicBlock(nn.Module):
    """torchvision's residual block of two 3x3 convolutions (He et al. 2016, figure 5 left)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """torchvision's ResNet of basic blocks, with its names."""

    def __init__(self, block: type[nn.Module], layers: list[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        width = 64
        for stage, depth in enumerate(layers):
            channels, stride = 64 * 2**stage, 1 if stage == 0 else 2
            blocks = [
                block(width if i == 0 else channels, channels, stride if i == 0 else 1) for i in range(depth)
            ]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            width = channels
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 1000)


def stand_in_for_all() -> None:
    """Everything the renderer imports that may not be installed."""
    for name in ("cv2", "imageio", "tqdm", "scipy", "requests", "torchvision.models"):
        stand_in(name)
    stand_in("torchvision.models.resnet", ResNet=ResNet, BasicBlock=BasicBlock, Bottleneck=None)
    stand_in("pretrainedmodels.models.torchvision_models", pretrained_settings=defaultdict(dict))
    stand_in("einops", rearrange=rearrange)
    layers = {"DropPath": DropPath, "to_2tuple": lambda x: x if isinstance(x, tuple) else (x, x)}
    stand_in("timm.models.layers", trunc_normal_=nn.init.trunc_normal_, **layers)
    stand_in("timm.models.registry", register_model=lambda function: function)
    stand_in("timm.models.vision_transformer", _cfg=dict)
    stand_in("mmcv.cnn", ConvModule=ConvModule)
