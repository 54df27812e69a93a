"""The motion model: network, motion space and their numbers, loaded from a folder or from this package."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .flow import Method, solve
from .network import NetworkConfig, VelocityNetwork
from .space import MotionSpace
from .weight_file import read_weights, write_weights
from .windows import blended_velocity

FARTHEST = 4.0  # deviations; a tracker that reports more has lost the mouth


@dataclass(frozen=True)
class SamplingConfig:
    """How motion is drawn.

    Attributes:
        window, overlap: frames of the windows of long speech.
        prompt: frames of the prompt that are used at most.
        method: solver of the flow.
    """

    window: int = 200
    overlap: int = 50
    prompt: int = 150
    method: Method = "euler"

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.window:
            raise ValueError(f"overlap must lie in [0, {self.window}), got {self.overlap}")
        if self.prompt < 1:
            raise ValueError(f"prompt must be at least 1 frame, got {self.prompt}")


class MotionModel:
    """Audio to motion in the model's own channels; `generate` turns it into faces.

    Args:
        network: what is learned.
        space: the channels.
        card: facts of the weights; "phones" are the speech sounds that the network names, in IPA.

    Raises:
        ValueError: network, space and card do not belong together.
    """

    def __init__(
        self, network: VelocityNetwork, space: MotionSpace, card: dict[str, Any] | None = None
    ) -> None:
        if network.config.motion != space.channels:
            raise ValueError(
                f"network has {network.config.motion} motion channels, the space {space.channels}"
            )
        self.network = network.eval()
        self.space = space
        self.card = card or {}
        self.phones: tuple[str, ...] = tuple(self.card.get("phones", ()))
        if len(self.phones) not in (0, network.config.phones):
            raise ValueError(f"network names {network.config.phones} phones, the card {len(self.phones)}")

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path = "small") -> MotionModel:
        """Loads weights.

        Args:
            name_or_path: "small" (ships with the package) or a .safetensors file with its .json beside it.

        Raises:
            InputError: unknown name, missing file, or weights that do not match their sha256.
        """
        if name_or_path == "small":
            return cls._load(Path(str(resources.files("talk_motion") / "data" / "small.safetensors")))
        return cls._load(Path(name_or_path))

    @classmethod
    def _load(cls, path: Path) -> MotionModel:
        cure = 'Use "small", or a .safetensors file with its .json beside it.'
        state, space, card = read_weights(path, cure)
        network = VelocityNetwork(NetworkConfig(**card["network"]))
        network.load_state_dict(state)
        return cls(network, space, card)

    def save(self, path: str | Path, **card: Any) -> None:
        """Writes weights as float16 safetensors with a .json card (sha256, sizes, `card`), both
        atomically."""
        card |= {"network": asdict(self.network.config)}
        write_weights(Path(path), self.network.state_dict(), self.space, card)

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Stacked features (2T, A) -> (T, width), what the network makes of the sound."""
        sound: Tensor = self.network.encode_sound(audio[None])[0]
        return sound

    @torch.no_grad()
    def sample(
        self,
        audio: Tensor,
        noise: Tensor,
        prompt: tuple[Tensor, Tensor] | None = None,
        *,
        steps: int = 8,
        style_strength: float = 1.0,
        sampling: SamplingConfig | None = None,
        sound: Tensor | None = None,
    ) -> Tensor:
        """Draws motion for a whole clip.

        Args:
            audio: (2T, A) stacked features.
            noise: (T, M) start of the flow; scaled normal noise.
            prompt: stacked features (2P, A) and motion (P, M) of the style clip.
            steps: of the solver.
            style_strength: 1 as the prompt, 0 no prompt, > 1 exaggerated (classifier-free guidance).
            sampling: windows and solver.
            sound: what `encode` gives of `audio`, where it is known already.

        Returns:
            (T, M).
        """
        sampling = sampling or SamplingConfig()
        frames, channels = noise.shape
        heard_all = self.encode(audio) if sound is None else sound
        if prompt is not None:
            style_sound = self.encode(prompt[0])[: sampling.prompt]
            style_motion = prompt[1][: sampling.prompt].clamp(-FARTHEST, FARTHEST)

        def windows(x: Tensor, starts: list[int], t: float) -> Tensor:
            count, length = x.shape[:2]
            time = torch.full((count,), t)
            heard = torch.stack([heard_all[start : start + length] for start in starts])
            plain = styled = None
            if prompt is None or style_strength != 1.0:
                nothing = torch.zeros(count, length, dtype=torch.bool)
                plain = self.network(x, time, heard, torch.zeros_like(x), nothing)
            if prompt is not None and style_strength != 0.0:
                size = style_motion.shape[0]
                known = torch.cat([style_motion.expand(count, -1, -1), torch.zeros_like(x)], dim=1)
                is_known = (torch.arange(size + length) < size).expand(count, -1)
                around = torch.cat([style_sound.expand(count, -1, -1), heard], dim=1)
                padded = torch.cat([torch.zeros(count, size, channels), x], dim=1)
                styled = self.network(padded, time, around, known, is_known)[:, size:]
            if plain is None or styled is None:
                velocity = styled if plain is None else plain
                assert velocity is not None
                return velocity
            return plain + style_strength * (styled - plain)

        field = blended_velocity(windows, frames, sampling.window, sampling.overlap)
        return solve(field, noise, steps, sampling.method)
