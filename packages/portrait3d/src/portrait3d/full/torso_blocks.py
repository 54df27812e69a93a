"""Convolutions with batch norm, flat or in a volume, of which the torso networks are made.

Source: face-vid2vid (Wang et al. 2021, appendix A), after SPADE's and FOMM's blocks.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import fuse_conv_bn_eval

from portrait3d.precision import exactly

Conv = nn.Conv2d | nn.Conv3d
Norm = nn.BatchNorm2d | nn.BatchNorm3d
Kind = Literal["flat", "volume", "spectral"]  # flat maps, volumes, flat maps with spectral norm


class SpectralConv2d(nn.Conv2d):
    """Convolution whose weight is divided by its largest singular value (Miyato et al. 2018, algorithm 1).

    The singular vectors are kept; each use in training improves them by one power iteration. PyTorch's own
    parametrization cannot be taken off one of two copies of a model, as folding does, without breaking the
    other.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, channels_in: int, channels_out: int, kernel: int, padding: int) -> None:
        super().__init__(channels_in, channels_out, kernel, padding=padding)
        matrix = self.weight.detach().flatten(1)
        self.register_buffer("weight_u", F.normalize(torch.randn_like(matrix[:, 0]), dim=0))
        self.register_buffer("weight_v", F.normalize(matrix.T @ self.weight_u, dim=0))

    def effective_weight(self) -> Tensor:
        """The weight divided by its largest singular value, as far as the kept vectors know it."""
        # Copies: the next use in the same graph moves the kept ones.
        left, right = self.weight_u.clone(), self.weight_v.clone()
        with exactly(self.weight.device):
            return self.weight / torch.dot(left, self.weight.flatten(1) @ right)

    def forward(self, input: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, out, H', W')."""
        if self.training:
            with torch.no_grad(), exactly(self.weight.device):
                matrix = self.weight.flatten(1)
                self.weight_v.copy_(F.normalize(matrix.T @ self.weight_u, dim=0))
                self.weight_u.copy_(F.normalize(matrix @ self.weight_v, dim=0))
        return self._conv_forward(input, self.effective_weight(), self.bias)

    def folded(self) -> nn.Conv2d:
        """The plain convolution that it is in evaluation."""
        plain = nn.Conv2d(
            self.in_channels,
            self.out_channels,
            self.kernel_size,  # type: ignore[arg-type]
            padding=self.padding,  # type: ignore[arg-type]
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        assert self.bias is not None
        plain.load_state_dict({"weight": self.effective_weight().detach(), "bias": self.bias.detach()})
        return plain.eval()


def convolution(kind: Kind, channels_in: int, channels_out: int, kernel: int) -> Conv:
    """A convolution that keeps the size."""
    made = {"flat": nn.Conv2d, "volume": nn.Conv3d, "spectral": SpectralConv2d}[kind]
    return made(channels_in, channels_out, kernel, padding=kernel // 2)


def batch_norm(kind: Kind, channels: int) -> Norm:
    """Batch norm; `nn.SyncBatchNorm.convert_sync_batchnorm` makes it the published one for several GPUs."""
    return nn.BatchNorm3d(channels) if kind == "volume" else nn.BatchNorm2d(channels)


def fused(conv: Conv, norm: Norm) -> Conv:
    """Convolution and the batch norm behind it as one convolution, in evaluation."""
    plain = conv.folded() if isinstance(conv, SpectralConv2d) else conv
    return fuse_conv_bn_eval(plain.eval(), norm.eval())


class ConvNormRelu(nn.Module):
    """Convolution, batch norm, (leaky) ReLU."""

    def __init__(
        self,
        kind: Kind,
        channels_in: int,
        channels_out: int,
        kernel: int = 3,
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.conv = convolution(kind, channels_in, channels_out, kernel)
        self.norm = batch_norm(kind, channels_out)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …) -> (B, C', …)."""
        return F.leaky_relu(self.norm(self.conv(x)), self.slope)

    def folded(self) -> nn.Module:
        """The same in evaluation, as one convolution."""
        return nn.Sequential(fused(self.conv, self.norm), nn.LeakyReLU(self.slope))


class ResidualBlock(nn.Module):
    """x plus two times (batch norm, ReLU, convolution 3 x 3)."""

    def __init__(self, kind: Kind, channels: int) -> None:
        super().__init__()
        self.norm1 = batch_norm(kind, channels)
        self.conv1 = convolution(kind, channels, channels, 3)
        self.norm2 = batch_norm(kind, channels)
        self.conv2 = convolution(kind, channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …) -> (B, C, …)."""
        y = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(y)))

    def folded(self) -> nn.Module:
        """The same in evaluation: the second norm is in the first convolution, the first is a scale."""
        conv2 = self.conv2.folded() if isinstance(self.conv2, SpectralConv2d) else self.conv2
        return FoldedResidualBlock(ChannelScale(self.norm1), fused(self.conv1, self.norm2), conv2)


class ChannelScale(nn.Module):
    """What a batch norm does in evaluation: every channel scaled and shifted by fixed numbers."""

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        shape = (-1,) + (1,) * (2 if isinstance(norm, nn.BatchNorm2d) else 3)
        self.register_buffer("scale", scale.detach().reshape(shape))
        self.register_buffer("shift", (norm.bias - norm.running_mean * scale).detach().reshape(shape))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …) -> (B, C, …)."""
        return torch.addcmul(self.shift, x, self.scale)  # type: ignore[arg-type]


class FoldedResidualBlock(nn.Module):
    """`ResidualBlock` with its batch norms folded."""

    def __init__(self, scale: ChannelScale, conv1: Conv, conv2: Conv) -> None:
        super().__init__()
        self.scale, self.conv1, self.conv2 = scale, conv1, conv2

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, …) -> (B, C, …)."""
        return x + self.conv2(F.relu(self.conv1(F.relu(self.scale(x)))))
