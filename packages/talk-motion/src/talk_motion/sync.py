"""The sync expert: whether a mouth goes with a sound. A loss for training, a measure for clips.

Works on `AudioFeatures` and on expressions (64) through its own motion space, so it judges any face that
face3dmm tracks or talk-motion draws. `sync_measure` finds offsets with it.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .space import MotionSpace
from .sync_network import SyncConfig, SyncNetwork, standardise
from .weight_file import read_weights, write_weights

VOICED = 66  # column of `AudioFeatures.stack`
NEAR_VOICE = 13  # frames around a voiced one that count as speech


class SyncExpert:
    """Network, motion space and card."""

    def __init__(self, network: SyncNetwork, space: MotionSpace, card: dict[str, Any] | None = None) -> None:
        if network.config.motion != space.channels:
            raise ValueError(
                f"network has {network.config.motion} motion channels, the space {space.channels}"
            )
        self.network = network.eval()
        self.space = space
        self.card = card or {}

    @classmethod
    def from_pretrained(cls, path: str | Path | None = None) -> SyncExpert:
        """Loads weights; those that ship with the package by default.

        Args:
            path: a .safetensors file with its .json beside it.

        Raises:
            InputError: missing file, or weights that do not match their sha256.
        """
        path = Path(path or str(resources.files("talk_motion") / "data" / "sync.safetensors"))
        state, space, card = read_weights(path, "Give a .safetensors file with its .json beside it.")
        network = SyncNetwork(SyncConfig(**card["network"]))
        network.load_state_dict(state)
        return cls(network, space, card)

    def save(self, path: str | Path, **card: Any) -> None:
        """Writes weights as float16 safetensors with a .json card (sha256, sizes, `card`), atomically."""
        card |= {"network": asdict(self.network.config)}
        write_weights(Path(path), self.network.state_dict(), self.space, card)

    def to(self, device: torch.device) -> SyncExpert:
        """The same expert, which judges on a device from now on."""
        self.network.to(device)
        self.space = self.space.to(device)
        return self

    def channels(self, motion: Tensor) -> Tensor:
        """What the network sees: (B, T, 64) expressions or (B, T) openings in face heights -> (B, T, M).

        Raises:
            ValueError: another shape.
        """
        if motion.ndim == 3 and motion.shape[-1] == self.space.encode.shape[1]:
            return standardise(self.space.to_motion(motion))
        if motion.ndim == 2:
            gap = (motion - self.space.mean[0]) / self.space.scale[0]
            return standardise(F.pad(gap.unsqueeze(-1), (0, self.space.channels - 1)))
        raise ValueError(
            f"motion must be (B, T, 64) expressions or (B, T) openings, got {tuple(motion.shape)}"
        )

    def score(self, audio: Tensor, motion: Tensor) -> Tensor:
        """How well each moment of a motion goes with its sound; differentiable.

        Args:
            audio: (B, 2T, 67) from `AudioFeatures.stack`.
            motion: (B, T, 64) expressions or (B, T) openings; at least some seconds, because each clip is
                judged relative to its own mean and deviation.

        Returns:
            (B, T) cosines.

        Raises:
            ValueError: lengths that do not belong together.
        """
        if audio.shape[1] != 2 * motion.shape[1]:
            raise ValueError(f"need 2 x {motion.shape[1]} feature frames, got {audio.shape[1]}")
        sound = self.network.encode_sound(audio)
        return (sound * self.network.encode_motion(self.channels(motion))).sum(-1)


def sync_loss(expert: SyncExpert, audio: Tensor, motion: Tensor) -> Tensor:
    """1 - cosine, averaged over the moments of speech: 0 for a mouth that goes with its sound.

    The sync loss of MimicTalk and Real3D-Portrait. Freeze the expert (`expert.network.requires_grad_(False)`)
    and bound its weight: it judges timing and shape, not size.

    Args:
        audio: (B, 2T, 67); motion: (B, T, 64) or (B, T), as for `SyncExpert.score`.

    Returns:
        () loss, 0 to 2; 0 where nobody speaks.
    """
    weight = near_voice(audio)
    return ((1 - expert.score(audio, motion)) * weight).sum() / weight.sum().clamp(min=1)


def near_voice(audio: Tensor) -> Tensor:
    """1 for motion frames within half a second of a voice, else 0: (B, 2T, 67) -> (B, T)."""
    voiced = F.max_pool1d(audio[..., VOICED].unsqueeze(1), 2)
    return (F.max_pool1d(voiced, 2 * NEAR_VOICE + 1, 1, NEAR_VOICE)[:, 0] > 0.5).to(audio.dtype)
