"""The transformer blocks that image-to-plane and the motion adapter share.

Source: SegFormer (Xie et al. 2021), section 3: overlapped patch embedding, attention whose keys and values
are reduced in space, and the Mix-FFN with a depth-wise convolution in place of positional codes.
"""

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
        return self.norm(self.proj(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


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


class Block(nn.Module):
    """Attention and Mix-FFN, each behind a layer norm with a residual."""

    def __init__(self, dim: int, heads: int, reduction: int, ratio: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = ReducedAttention(dim, heads, reduction)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = MixFFN(dim, ratio)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """(B, H*W, dim) -> (B, H*W, dim)."""
        tokens = tokens + self.attn(self.norm1(tokens), height, width)
        return tokens + self.mlp(self.norm2(tokens), height, width)


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
    ) -> None:
        super().__init__()
        self.embed = PatchEmbed(channels_in, dim, kernel, stride)
        self.blocks = nn.ModuleList(Block(dim, heads, reduction, ratio) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, dim, H / stride, W / stride)."""
        x = self.embed(x)
        height, width = x.shape[-2:]
        tokens = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens, height, width)
        return self.norm(tokens).transpose(1, 2).reshape(x.shape)


class MiTEncoder(nn.Module):
    """The four-stage mix transformer; returns the picture at 1/4, 1/8, 1/16 and 1/32 of its size."""

    def __init__(
        self,
        channels_in: int,
        dims: tuple[int, ...],
        depths: tuple[int, ...],
        heads: tuple[int, ...],
        reductions: tuple[int, ...],
        ratio: int = 2,
    ) -> None:
        super().__init__()
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
    """Every level through a linear layer, upsampled to the finest, concatenated and mixed."""

    def __init__(self, dims: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Conv2d(dim, width, 1) for dim in dims)
        self.fuse = nn.Conv2d(width * len(dims), width, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Four maps -> (B, width, H/4, W/4)."""
        size = features[0].shape[-2:]
        levels = [
            F.interpolate(linear(level), size, mode="bilinear", align_corners=False)
            for linear, level in zip(self.linears, features, strict=True)
        ]
        return F.relu(self.fuse(torch.cat(levels, 1)))
