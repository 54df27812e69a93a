"""The transformer blocks that image-to-plane and the motion adapter share.

Source: SegFormer (Xie et al. 2021), section 3: overlapped patch embedding, attention whose keys and values
are reduced in space, and the Mix-FFN with a depth-wise convolution in place of positional codes.
"""

from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PatchEmbed(nn.Module):
    """Overlapping patches: a strided convolution followed by a layer norm over channels."""

    def __init__(self, channels_in: int, dim: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels_in, dim, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, dim, H / stride, W / stride)."""
        return self.normalise(self.proj(x))

    def normalise(self, patches: Tensor) -> Tensor:
        """The layer norm of patches (B, dim, H, W)."""
        return self.norm(patches.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ReducedAttention(nn.Module):
    """Multi-head attention with keys and values pooled by a strided convolution of `reduction`."""

    def __init__(self, dim: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)
        self.reduce = nn.Conv2d(dim, dim, reduction, reduction) if reduction > 1 else None
        self.norm = nn.LayerNorm(dim) if reduction > 1 else None

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """(B, H*W, dim) -> (B, H*W, dim)."""
        batch, count, dim = tokens.shape
        source = tokens
        if self.reduce is not None and self.norm is not None:
            image = tokens.transpose(1, 2).reshape(batch, dim, height, width)
            source = self.norm(self.reduce(image).flatten(2).transpose(1, 2))
        query = self.q(tokens).reshape(batch, count, self.heads, -1).transpose(1, 2)
        key, value = self.kv(source).reshape(batch, source.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).reshape(batch, count, dim))


class MixFFN(nn.Module):
    """Linear, depth-wise 3x3 convolution, GELU, linear."""

    def __init__(self, dim: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, ratio * dim)
        self.dwconv = nn.Conv2d(ratio * dim, ratio * dim, 3, 1, 1, groups=ratio * dim)
        self.fc2 = nn.Linear(ratio * dim, dim)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """(B, H*W, dim) -> (B, H*W, dim)."""
        hidden = self.fc1(tokens)
        image = hidden.transpose(1, 2).reshape(hidden.shape[0], -1, height, width)
        hidden = self.dwconv(image).flatten(2).transpose(1, 2)
        return self.fc2(F.gelu(hidden))


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training a residual is left out with this probability."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, residual: Tensor) -> Tensor:
        """(B, ...) -> the same, whole entries zero and the others scaled up by as much."""
        if not self.training or not self.probability:
            return residual
        kept = torch.rand(len(residual), device=residual.device) >= self.probability
        kept = kept.to(residual).reshape(-1, *[1] * (residual.ndim - 1))
        return residual * kept / (1 - self.probability)


class Block(nn.Module):
    """Attention and Mix-FFN, each behind a layer norm with a residual."""

    def __init__(
        self, dim: int, heads: int, reduction: int, ratio: int, *, epsilon: float = 1e-5, drop: float = 0.0
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, epsilon)
        self.attn = ReducedAttention(dim, heads, reduction)
        self.norm2 = nn.LayerNorm(dim, epsilon)
        self.mlp = MixFFN(dim, ratio)
        self.drop = DropPath(drop)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """(B, H*W, dim) -> (B, H*W, dim)."""
        tokens = tokens + self.drop(self.attn(self.norm1(tokens), height, width))
        return tokens + self.drop(self.mlp(self.norm2(tokens), height, width))


class Stage(nn.Module):
    """A patch embedding and its blocks: one resolution of the pyramid."""

    def __init__(
        self,
        channels_in: int,
        dim: int,
        depth: int,
        heads: int,
        *,
        reduction: int,
        ratio: int,
        kernel: int,
        stride: int,
        epsilon: float = 1e-5,
        drops: Sequence[float] = (),
    ) -> None:
        super().__init__()
        self.embed = PatchEmbed(channels_in, dim, kernel, stride)
        self.blocks = nn.ModuleList(
            Block(dim, heads, reduction, ratio, epsilon=epsilon, drop=drop) for drop in drops or [0.0] * depth
        )
        self.norm = nn.LayerNorm(dim, epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, dim, H / stride, W / stride)."""
        return self.mix(self.embed(x))

    def mix(self, x: Tensor) -> Tensor:
        """What the blocks make of embedded patches (B, dim, h, w), of the same shape."""
        height, width = x.shape[-2:]
        tokens = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens, height, width)
        return self.norm(tokens).transpose(1, 2).reshape(x.shape)


class MiTEncoder(nn.Module):
    """The four-stage mix transformer; returns the picture at 1/4, 1/8, 1/16 and 1/32 of its size.

    Args:
        channels_in: Of the picture.
        dims, depths, heads, reductions: Of the four stages.
        ratio: Hidden width of the Mix-FFN over its width.
        epsilon: Of the norms around attention and Mix-FFN; the published encoders have 1e-6.
        drop_path: Probability with which the last residual is left out in training; it grows from zero.
    """

    def __init__(
        self,
        channels_in: int,
        dims: tuple[int, ...],
        depths: tuple[int, ...],
        heads: tuple[int, ...],
        reductions: tuple[int, ...],
        ratio: int = 2,
        *,
        epsilon: float = 1e-5,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        drops = iter(torch.linspace(0, drop_path, sum(depths), device="cpu").tolist())
        self.stages = nn.ModuleList()
        for index, (dim, depth, head, reduction) in enumerate(
            zip(dims, depths, heads, reductions, strict=True)
        ):
            kernel, stride = (7, 4) if index == 0 else (3, 2)
            self.stages.append(
                Stage(
                    channels_in,
                    dim,
                    depth,
                    head,
                    reduction=reduction,
                    ratio=ratio,
                    kernel=kernel,
                    stride=stride,
                    epsilon=epsilon,
                    drops=list(islice(drops, depth)),
                )
            )
            channels_in = dim

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> four feature maps, finest first."""
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class SegFormerHead(nn.Module):
    """Every level through a linear layer, upsampled to the finest, concatenated and mixed.

    Args:
        dims: Channels of the levels, finest first.
        width: Channels of the result.
        fuse: Mixes (B, width * levels, H, W) to (B, width, H, W), then ReLU; by default a 1x1 convolution.
        coarsest_first: Order in which the levels are concatenated.
    """

    def __init__(
        self,
        dims: tuple[int, ...],
        width: int,
        *,
        fuse: nn.Module | None = None,
        coarsest_first: bool = False,
    ) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Conv2d(dim, width, 1) for dim in dims)
        self.fuse = nn.Conv2d(width * len(dims), width, 1) if fuse is None else fuse
        self.coarsest_first = coarsest_first

    def forward(self, features: list[Tensor]) -> Tensor:
        """Four maps -> (B, width, H/4, W/4)."""
        size = features[0].shape[-2:]
        levels = [
            F.interpolate(linear(level), size, mode="bilinear", align_corners=False)
            for linear, level in zip(self.linears, features, strict=True)
        ]
        return F.relu(self.fuse(torch.cat(levels[::-1] if self.coarsest_first else levels, 1)))


def start_transformers(module: nn.Module) -> None:
    """Start linear layers and convolutions as SegFormer does.

    Source: SegFormer's code: weights of linear layers truncated normal of deviation 0.02; convolutions
    normal with variance 2 / (outputs k² / groups) (He et al. 2015); biases zero.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
        elif isinstance(layer, nn.Conv2d):
            fan_out = layer.out_channels * layer.kernel_size[0] * layer.kernel_size[1] // layer.groups
            nn.init.normal_(layer.weight, std=(2 / fan_out) ** 0.5)
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
