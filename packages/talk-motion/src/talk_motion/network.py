"""The velocity network: a small transformer that fills in masked motion from sound and the motion around it.

The shape of MimicTalk's ICS-A2M (published-systems: rotary positions, register tokens, RMS norms scaled by
the flow time, GEGLU) at about a tenth of its size, with the sound encoded once per clip by convolutions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .clip_dropout import ClipDropout


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes:
        motion: channels of the motion space.
        audio: channels of `AudioFeatures.stack`.
        width: channels of the transformer; heads must divide it.
        layers, heads: of the transformer.
        registers: extra tokens without a position.
        dropout: in the sound encoder and after each layer, while training.
        style: "prompt" sees the known motion frame by frame; "vector", an ablation, sees its mean, deviation
            and speed only.
        phones: speech sounds that the sound encoder learns to tell apart; 0 for none.
    """

    motion: int = 12
    audio: int = 67
    width: int = 192
    layers: int = 5
    heads: int = 4
    registers: int = 4
    dropout: float = 0.1
    style: Literal["prompt", "vector"] = "prompt"
    phones: int = 0

    def __post_init__(self) -> None:
        if self.style not in ("prompt", "vector"):
            raise ValueError(f"style must be prompt or vector, got {self.style!r}")
        for name in ("motion", "audio", "width", "layers", "heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.phones < 0:
            raise ValueError(f"phones must not be negative, got {self.phones}")
        if self.width % (2 * self.heads):
            raise ValueError(f"width must be a multiple of 2 x heads, got {self.width} and {self.heads}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")


class VelocityNetwork(nn.Module):
    """Velocity of the flow at time t: from x_t, the sound, and the known motion."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.sound = SoundEncoder(config)
        self.enter = nn.Linear(2 * config.motion + 1 + width, width)
        self.registers = nn.Parameter(torch.randn(config.registers, width) * 0.02)
        self.clock = nn.Sequential(nn.Linear(64, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU())
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(width)
        self.leave = nn.Linear(width, config.motion)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        self.style = nn.Linear(3 * config.motion, width) if config.style == "vector" else None
        self.spell = nn.Linear(width, 2 * config.phones) if config.phones else None

    def encode_sound(self, audio: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, 2T, A) features -> (B, T, width); `valid` (B, T) marks frames that are not padding."""
        return self.sound(audio, valid)

    def name_phones(self, sound: Tensor) -> Tensor:
        """What is being said: (B, T, width) from `encode_sound` -> logits (B, 2T, phones), two per frame.

        Raises:
            ValueError: a network without phones.
        """
        if self.spell is None:
            raise ValueError("this network was not made to name phones (NetworkConfig.phones is 0)")
        return self.spell(sound).unflatten(-1, (2, -1)).flatten(1, 2)

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        sound: Tensor,
        known: Tensor,
        is_known: Tensor,
        valid: Tensor | None = None,
    ) -> Tensor:
        """Velocity.

        Args:
            x: (B, T, M) point on the path from noise (t = 0) to data (t = 1); not read where motion is known.
            t: (B,) flow time.
            sound: (B, T, width) from `encode_sound`.
            known: (B, T, M) motion of the prompt; read only where known.
            is_known: (B, T) bool.
            valid: (B, T) bool, False for padding; None when there is none.

        Returns:
            (B, T, M).
        """
        flag = is_known.unsqueeze(-1).to(x.dtype)
        if self.style is not None:
            x, sound = x * (1 - flag), sound + self.style(manner(known, flag)).unsqueeze(1)
            flag = torch.zeros_like(flag)
        hidden = self.enter(torch.cat([x * (1 - flag), known * flag, flag, sound], dim=-1))
        time = self.clock(_waves(t, 64).to(hidden.dtype))
        count = self.registers.shape[0]
        hidden = torch.cat([self.registers.expand(x.shape[0], -1, -1), hidden], dim=1)
        mask = None
        if valid is not None:
            mask = F.pad(valid, (count, 0), value=True)[:, None, None, :]
        rotation = _rotation(x.shape[1], count, self.config.width // self.config.heads, x.device)
        for layer in self.layers:
            hidden = layer(hidden, time, rotation, mask)
        return self.leave(self.norm(hidden[:, count:]))


class SoundEncoder(nn.Module):
    """Sound at 50 Hz to one vector per motion frame; sees about 0.35 s to each side."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.enter = nn.Conv1d(config.audio, width, 5, padding=2)
        self.fast = nn.ModuleList(ConvBlock(width, dilation, config.dropout) for dilation in (1, 2, 4))
        self.halve = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.slow = nn.ModuleList(ConvBlock(width, dilation, config.dropout) for dilation in (1, 2))

    def forward(self, audio: Tensor, valid: Tensor | None) -> Tensor:
        slow = None if valid is None else valid.unsqueeze(1).to(audio.dtype)
        fast = None if slow is None else slow.repeat_interleave(2, dim=-1)
        x = _keep(self.enter(_keep(audio.transpose(1, 2), fast)), fast)
        for block in self.fast:
            x = block(x, fast)
        x = _keep(self.halve(x), slow)
        for block in self.slow:
            x = block(x, slow)
        return x.transpose(1, 2)


class ConvBlock(nn.Module):
    """x + conv(gelu(conv(norm x))), separable in time and channels."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.mix = nn.Linear(width, 2 * width)
        self.time = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width)
        self.leave = nn.Linear(width, width)
        self.dropout = ClipDropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        value, gate = self.mix(self.norm(x.transpose(1, 2))).chunk(2, dim=-1)
        mixed = self.time(_keep((value * F.silu(gate)).transpose(1, 2), mask)).transpose(1, 2)
        return _keep(x + self.leave(self.dropout(F.silu(mixed))).transpose(1, 2), mask)


class Layer(nn.Module):
    """Attention and a gated feed-forward (SwiGLU), each behind an RMS norm whose gain follows the flow
    time."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, self.heads = config.width, config.heads
        inner = 8 * width // 3
        self.norm_attention, self.norm_feed = nn.RMSNorm(width), nn.RMSNorm(width)
        self.gains = nn.Linear(128, 2 * width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.norm_q, self.norm_k = nn.RMSNorm(width // self.heads), nn.RMSNorm(width // self.heads)
        self.join = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 2 * inner), nn.Linear(inner, width)
        self.dropout = ClipDropout(config.dropout)
        nn.init.zeros_(self.gains.weight)
        nn.init.zeros_(self.gains.bias)

    def forward(
        self, x: Tensor, time: Tensor, rotation: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> Tensor:
        gain_attention, gain_feed = (1 + self.gains(time).unsqueeze(1)).chunk(2, dim=-1)
        q, k, v = (
            self.qkv(self.norm_attention(x) * gain_attention).unflatten(-1, (3, self.heads, -1)).unbind(2)
        )
        q, k = (
            _rotate(norm(z).transpose(1, 2), rotation) for norm, z in ((self.norm_q, q), (self.norm_k, k))
        )
        attended = F.scaled_dot_product_attention(q, k, v.transpose(1, 2), attn_mask=mask)
        x = x + self.dropout(self.join(attended.transpose(1, 2).flatten(2)))
        value, gate = self.up(self.norm_feed(x) * gain_feed).chunk(2, dim=-1)
        return x + self.dropout(self.down(value * F.silu(gate)))


def manner(known: Tensor, flag: Tensor) -> Tensor:
    """Mean, deviation and mean speed of the known frames, zero where there is none.

    Args:
        known: (B, T, M).
        flag: (B, T, 1), 1 where known, else 0.

    Returns:
        (B, 3 M).
    """
    count = flag.sum(dim=1).clamp(min=1)
    mean = (known * flag).sum(dim=1) / count
    spread = (((known - mean.unsqueeze(1)) * flag).square().sum(dim=1) / count + 1e-6).sqrt()
    both = flag[:, 1:] * flag[:, :-1]
    speed = (known.diff(dim=1).abs() * both).sum(dim=1) / both.sum(dim=1).clamp(min=1)
    return torch.cat([mean, spread, speed], dim=-1)


def _keep(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zeroes padding, so that what lies there never reaches a neighbour."""
    return x if mask is None else x * mask


def _waves(t: Tensor, size: int) -> Tensor:
    """Sines and cosines of the flow time (B,) -> (B, size)."""
    frequencies = torch.exp(torch.linspace(0, math.log(200.0), size // 2, device=t.device))
    angles = t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def _rotation(frames: int, registers: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions (registers + frames, size / 2); registers stay unturned."""
    position = torch.cat([torch.zeros(registers, device=device), torch.arange(frames, device=device) + 1.0])
    frequencies = 10000.0 ** (-torch.arange(0, size, 2, device=device) / size)
    angles = position[:, None] * frequencies
    return angles.cos(), angles.sin()


def _rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = (r.to(x.dtype) for r in rotation)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
