"""MimicTalk's in-context model in use: speech and a clip of a person in, that person's motion out.

model = InContextModel.load(folder)          # imported by `importing.import_published`
motion = model.sample(speech, StylePrompt(motion_of_the_clip, speech_of_the_clip))
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from talk_motion.flow import solve
from talk_motion.full.config import FullSampling
from talk_motion.full.ics_network import InContextNetwork
from talk_motion.full.speech import Heard, SpeechFeatures

STILL = 100  # frames that a single face is held for, as published
STILL_CHANNEL = 0.02  # least deviation of an expression


@dataclass(frozen=True)
class StylePrompt:
    """A clip whose manner is followed, of any length.

    Attributes:
        motion: (P, 64).
        speech: its sound, or None where it has none.
    """

    motion: Tensor
    speech: SpeechFeatures | None = None

    def __post_init__(self) -> None:
        if self.motion.ndim != 2 or self.motion.shape[0] < 1:
            raise ValueError(f"need motion (P, channels), got shape {tuple(self.motion.shape)}")
        if self.speech is not None and self.speech.frames != self.motion.shape[0]:
            frames = self.motion.shape[0], self.speech.frames
            raise ValueError(f"motion has {frames[0]} frames, its sound {frames[1]}")

    @classmethod
    def still(cls, face: Tensor) -> "StylePrompt":
        """The prompt that one picture gives: its motion (64,) held for four seconds, no sound."""
        return cls(face.expand(STILL, -1))


@dataclass(frozen=True)
class MotionUnit:
    """Usual value and deviation (M,) of each motion channel: what is 0 and 1 to a network trained here. The
    published networks know expression as it is.
    """

    mean: Tensor
    scale: Tensor

    @classmethod
    def of(cls, motion: Tensor) -> "MotionUnit":
        """Of motion (S, M) of many speakers; still channels count as if they moved a little."""
        return cls(motion.mean(dim=0), motion.std(dim=0).clamp(min=STILL_CHANNEL))

    def standardised(self, motion: Tensor) -> Tensor:
        """(..., M) as it is -> (..., M) as the network knows it."""
        return (motion - self.mean.to(motion.device)) / self.scale.to(motion.device)

    def plain(self, motion: Tensor) -> Tensor:
        """(..., M) as the network knows it -> (..., M) as it is."""
        return motion * self.scale.to(motion.device) + self.mean.to(motion.device)

    def to_dict(self) -> dict[str, list[float]]:
        """For JSON."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "MotionUnit":
        """What `to_dict` gave."""
        return cls(torch.tensor(content["mean"]), torch.tensor(content["scale"]))


class InContextModel:
    """An `InContextNetwork` in evaluation mode, and the unit of its motion; None for motion as it is."""

    def __init__(self, network: InContextNetwork, unit: MotionUnit | None = None) -> None:
        self.network, self.unit = network.eval(), unit

    @classmethod
    def load(cls, folder: Path) -> "InContextModel":
        """Weights written by `storage.write_weights`.

        Raises:
            InputError: they are missing, damaged or of the other model.
        """
        from talk_motion.full.storage import read_card, read_network

        network, told = read_network(folder, InContextNetwork), read_card(folder)["report"].get("motion")
        return cls(network, None if told is None else MotionUnit.from_dict(told))

    @torch.no_grad()
    def sample(
        self,
        speech: SpeechFeatures,
        prompt: StylePrompt | None = None,
        sampling: FullSampling | None = None,
        *,
        blink: Tensor | None = None,
        mouth_opening: float = 1.0,
        noise: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Draw motion for a whole clip. Memory grows with its length, time with the square of it.

        Args:
            speech: sound of T motion frames.
            prompt: the clip to follow; None for nobody's manner.
            sampling: solver, temperature, strength of style.
            blink: (2T,) 1 where the eyes shall be shut; open by default, as published.
            mouth_opening: size of mouth movements; 1 as published.
            noise: (T, 64) of deviation 1 that the flow starts from; drawn from `seed` by default.
            seed: of the noise.

        Returns:
            (T, 64), of the same T.
        """
        sampling = sampling or FullSampling()
        channels, frames = self.network.config.motion, speech.frames
        if noise is None:
            noise = torch.randn(frames, channels, generator=torch.Generator().manual_seed(seed))
        place = self.network.no_prompt.device
        before = 0 if prompt is None else prompt.motion.shape[0]
        whole = speech
        if prompt is not None:
            silent = SpeechFeatures.nothing(before, speech.content.shape[1])
            whole = (prompt.speech or silent).then(speech)
        if blink is not None:
            blink = torch.cat([blink.new_zeros(2 * before), blink])
        whole = SpeechFeatures(whole.content.to(place), whole.pitch.to(place))
        sound = self.network.encode_sound(Heard.of(whole, mouth_opening, blink))
        known = torch.zeros(1, before + frames, channels, device=place)
        if prompt is not None:
            style = prompt.motion
            known[0, :before] = style if self.unit is None else self.unit.standardised(style)
        is_known = (torch.arange(before + frames, device=place) < before)[None]
        branches = self._branches(prompt, sampling.style_strength).to(place)

        def velocity(x: Tensor, t: float) -> Tensor:
            count = len(branches)
            padded = torch.cat([known[:, :before], x], dim=1)
            each = (part.expand(count, -1, -1) for part in (padded, sound, known))
            x, heard, reference = each
            time = torch.full((count,), t, device=place)
            found = self.network(x, time, heard, reference, is_known.expand(count, -1), dropped=branches)[
                :, before:
            ]
            if count == 1:
                return found
            with_prompt, without = found[:1], found[1:]
            return without + sampling.style_strength * (with_prompt - without)

        start = noise.to(place)[None] * sampling.temperature
        drawn = solve(velocity, start, sampling.steps, sampling.method)[0].cpu()
        return drawn if self.unit is None else self.unit.plain(drawn)

    def _branches(self, prompt: StylePrompt | None, strength: float) -> Tensor:
        """Which passes a velocity needs: (1,) or (2,) bool, True for the one whose prompt is dropped."""
        nothing_to_drop = prompt is None and not self.network.no_prompt.any()
        if strength == 1.0 or nothing_to_drop:
            return torch.tensor([False])
        return torch.tensor([False, True])
