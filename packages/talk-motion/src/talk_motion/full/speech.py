"""What the published models hear: HuBERT's content and pitch, exactly two frames per motion frame."""

from dataclasses import dataclass

import torch
from torch import Tensor

from talk_motion.full.config import PITCHES
from talk_motion.full.pitch import coarse_pitch

__all__ = ["PITCHES", "Heard", "SpeechFeatures"]


@dataclass(frozen=True)
class SpeechFeatures:
    """Sound of one clip at 50 Hz.

    Attributes:
        content: HuBERT's last hidden state (2T, C).
        pitch: Hz (2T,); 0 where unvoiced.

    Raises:
        ValueError: odd or unequal numbers of frames.
    """

    content: Tensor
    pitch: Tensor

    def __post_init__(self) -> None:
        frames = self.content.shape[0]
        if self.content.ndim != 2 or frames % 2 or self.pitch.shape != (frames,):
            shapes = tuple(self.content.shape), tuple(self.pitch.shape)
            raise ValueError(f"need content (2T, C) and pitch (2T,), got {shapes}")

    @classmethod
    def nothing(cls, frames: int, channels: int) -> "SpeechFeatures":
        """Zeros for `frames` motion frames: what stands beside a prompt without sound."""
        return cls(torch.zeros(2 * frames, channels), torch.zeros(2 * frames))

    @property
    def frames(self) -> int:
        """Number of motion frames (25 per second)."""
        return self.content.shape[0] // 2

    def slice(self, start: int, stop: int) -> "SpeechFeatures":
        """The part that belongs to motion frames [start, stop)."""
        return SpeechFeatures(self.content[2 * start : 2 * stop], self.pitch[2 * start : 2 * stop])

    def then(self, other: "SpeechFeatures") -> "SpeechFeatures":
        """This sound, and `other` after it."""
        return SpeechFeatures(torch.cat([self.content, other.content]), torch.cat([self.pitch, other.pitch]))


@dataclass(frozen=True)
class Heard:
    """A batch of sound, with the manner that is wished.

    Attributes:
        content: (B, 2T, C).
        pitch: Hz (B, 2T).
        blink: 1 where the eyes are shut, else 0 (B, 2T) int64; None where not told.
        mouth_opening: size of mouth movements (B,), in the published unit (0.9 quantile of the distance
            between the inner lips); None where not told.
    """

    content: Tensor
    pitch: Tensor
    blink: Tensor | None = None
    mouth_opening: Tensor | None = None

    @classmethod
    def of(cls, speech: SpeechFeatures, mouth_opening: float, blink: Tensor | None = None) -> "Heard":
        """One clip as a batch; `blink` (2T,), by default open eyes."""
        if blink is None:
            blink = torch.zeros(speech.content.shape[0], device=speech.content.device)
        size = torch.tensor([mouth_opening], device=speech.content.device)
        return cls(speech.content[None], speech.pitch[None], blink[None].long(), size)

    def coarse_pitch(self) -> Tensor:
        """Rows of the published pitch table (B, 2T)."""
        return coarse_pitch(self.pitch)
