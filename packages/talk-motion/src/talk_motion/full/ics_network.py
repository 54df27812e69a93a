"""MimicTalk's ICS-A2M network: the velocity of motion that speech and a prompt of other motion imply.

A transformer over [prompt | motion to be found] (MimicTalk, Ye et al. 2024; after Voicebox, Le et al. 2023).
Names are ours; `published_keys` has the published ones.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talk_motion.full.config import InContextConfig
from talk_motion.full.sound_layers import ConvPair, PitchEncoder, scaled
from talk_motion.full.speech import Heard

ATTENTION_SCALE = 10.0  # of queries and keys of fixed length (Henry et al. 2020)
ROTARY_BASE = 50_000.0
REGISTER_PLACE = -10_000.0  # frames; far from every moment of a clip


class InContextNetwork(nn.Module):
    """Velocity of the flow at one moment of it."""

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.hearing = Hearing(config)
        self.sound_to_motion = nn.Linear(config.heard, config.motion)
        self.no_prompt = nn.Parameter(torch.zeros(config.motion))
        self.enter = nn.Linear(3 * config.motion, width)
        self.neighbours = nn.Conv1d(
            width, width, config.position_kernel, padding=config.position_kernel // 2, groups=width
        )
        self.clock = Clock(width, config.time)
        self.registers = nn.Parameter(torch.randn(config.registers, width))
        half = torch.arange(0, config.head_width, 2).float() / config.head_width
        self.register_buffer("rotary", 1.0 / ROTARY_BASE**half)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RmsNorm(width)
        self.leave = nn.Linear(width, config.motion, bias=False)

    def encode_sound(self, heard: Heard) -> Tensor:
        """Sound of 2T frames -> (B, T, motion); the same at every moment of the flow."""
        return F.avg_pool1d(self.sound_to_motion(self.hearing(heard)).transpose(1, 2), 2).transpose(1, 2)

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        sound: Tensor,
        known: Tensor,
        is_known: Tensor,
        *,
        dropped: Tensor | None = None,
        valid: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, T, M); without a meaning where motion is known.

        Args:
            x: (B, T, M) point on the path from noise (time 0) to data (1); not read where motion is known.
            time: (B,) of the flow.
            sound: (B, T, M) from `encode_sound`.
            known: (B, T, M) motion of the prompt; read only where known.
            is_known: (B, T) bool.
            dropped: (B,) bool, where the prompt is hidden: `no_prompt` stands in all frames instead. That its
                frames do not move (x is zero there) still shows, as published.
            valid: (B, T) bool, False for padding; None where there is none.
        """
        prompt = torch.where(is_known[..., None], known, 0)
        if dropped is not None:
            prompt = torch.where(dropped[:, None, None], self.no_prompt, prompt)
        x = torch.where(is_known[..., None], 0, x)
        hidden = self.enter(torch.cat([x, sound, prompt], dim=-1))
        hidden = hidden + F.gelu(self.neighbours(hidden.transpose(1, 2))).transpose(1, 2)
        count = self.registers.shape[0]
        hidden = torch.cat([self.registers.expand(x.shape[0], -1, -1), hidden], dim=1)
        mask = None if valid is None else F.pad(valid, (count, 0), value=True)[:, None, None]
        turns, moment = self._turns(x.shape[1]), self.clock(time)
        for layer in self.layers:
            hidden = layer(hidden, moment, turns, mask)
        velocity: Tensor = self.leave(self.norm(hidden[:, count:]))
        return velocity

    def _turns(self, frames: int) -> tuple[Tensor, Tensor]:
        """Cosine and sine (registers + frames, head width / 2) of rotary positions (Su et al. 2021)."""
        rotary = self.get_buffer("rotary")
        places = torch.arange(frames, device=rotary.device, dtype=rotary.dtype)
        places = torch.cat([places.new_full(self.registers.shape[:1], REGISTER_PLACE), places])
        angles = places[:, None] * rotary
        return angles.cos(), angles.sin()


class Hearing(nn.Module):
    """Content and, where the network hears it, manner: pitch, blinks, mouth opening."""

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        self.content = ConvPair(config.content, config.sound)
        self.hears_manner = config.hears_manner
        if config.hears_manner:
            self.pitch = PitchEncoder(config.manner)
            self.blink = nn.Embedding(2, config.manner)
            self.mouth_opening = nn.Parameter(torch.randn(config.manner))
            self.blink_untold = nn.Parameter(torch.randn(config.manner))
            self.mouth_opening_untold = nn.Parameter(torch.randn(config.manner))

    def forward(self, heard: Heard) -> Tensor:
        """(B, 2T, `config.heard`)."""
        content: Tensor = self.content(heard.content)
        if not self.hears_manner:
            return content
        batch, frames = content.shape[:2]
        blink: Tensor = self.blink_untold.expand(batch, frames, -1)
        opening: Tensor = self.mouth_opening_untold.expand(batch, frames, -1)
        if heard.blink is not None:
            blink = self.blink(heard.blink)
        if heard.mouth_opening is not None:
            opening = scaled(self.mouth_opening, heard.mouth_opening, frames)
        return torch.cat([content, self.pitch(heard.coarse_pitch()), blink, opening], dim=-1)


class Clock(nn.Module):
    """Flow time (B,) -> (B, C), through waves of learned frequencies."""

    def __init__(self, waves: int, channels: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(waves // 2))
        self.mix = nn.Linear(waves, channels)

    def forward(self, time: Tensor) -> Tensor:
        """See the class."""
        angles = time[:, None] * self.frequencies * 2 * math.pi
        return F.silu(self.mix(torch.cat([angles.sin(), angles.cos()], dim=-1)))


class RmsNorm(nn.Module):
    """Vectors of root mean square 1 (Zhang and Sennrich 2019), times a learned gain."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        """(…, C) -> (…, C)."""
        return unit_rms(x) * self.gain


class AdaptiveNorm(nn.Module):
    """Vectors of root mean square 1, scaled and shifted by the flow time; starts as the identity."""

    def __init__(self, width: int, time: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Linear(time, width), nn.Linear(time, width)
        nn.init.zeros_(self.scale.weight)
        nn.init.ones_(self.scale.bias)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)

    def forward(self, x: Tensor, moment: Tensor) -> Tensor:
        """(B, T, C), (B, time) -> (B, T, C)."""
        return unit_rms(x) * self.scale(moment)[:, None] + self.shift(moment)[:, None]


class Layer(nn.Module):
    """Attention and a gated feed-forward part (GEGLU, Shazeer 2020)."""

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        width, inner = config.width, config.heads * config.head_width
        self.heads = config.heads
        self.attention_norm = AdaptiveNorm(width, config.time)
        self.query_norm = RmsNorm(config.heads, 1, config.head_width)
        self.key_norm = RmsNorm(config.heads, 1, config.head_width)
        self.query_key_value = nn.Linear(width, 3 * inner, bias=False)
        self.attended = nn.Linear(inner, width, bias=False)
        self.feed_forward_norm = AdaptiveNorm(width, config.time)
        self.feed = nn.Linear(width, 2 * config.feed_forward)
        self.forward_out = nn.Linear(config.feed_forward, width)

    def forward(self, x: Tensor, moment: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """(B, T, C) -> (B, T, C); `mask` (B, 1, 1, T) is True where attention may look."""
        x = x + self._attend(self.attention_norm(x, moment), turns, mask)
        value, gate = self.feed(self.feed_forward_norm(x, moment)).chunk(2, dim=-1)
        mixed: Tensor = self.forward_out(F.gelu(gate) * value)
        return x + mixed

    def _attend(self, x: Tensor, turns: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        split = self.query_key_value(x).unflatten(-1, (3, self.heads, -1)).transpose(1, 3)
        query, key, value = split.unbind(2)  # (B, heads, T, head width)
        query, key = turned(self.query_norm(query), turns), turned(self.key_norm(key), turns)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=ATTENTION_SCALE)
        found: Tensor = self.attended(seen.transpose(1, 2).flatten(2))
        return found


def unit_rms(x: Tensor) -> Tensor:
    """Scale the last dimension to a root mean square of 1."""
    return F.normalize(x, dim=-1) * x.shape[-1] ** 0.5


def turned(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Turn channel i against channel i + C / 2 by the angles of each place: (…, T, C) -> (…, T, C)."""
    cosine, sine = turns
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)
