"""A tracked clip of one person, as the portrait model learns from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

PER_FRAME = (
    "frames", "head_mask", "torso_mask", "pncc", "camera_to_world", "intrinsics", "keypoints", "focus",
    "opening", "eyes", "confidence", "posed", "numbers",
)  # fmt: skip
MOUTH_SHARE, EYES_SHARE = 0.3, 0.2  # of what is learned from, see `frame_odds`
MOUTH_DEGREES, EYES_DEGREES = 8, 4
MOUTH_RAREST, EYES_RAREST = 8, 100  # no degree counts as rarer, beside the commonest; a blink is four frames


@dataclass(frozen=True)
class PortraitClip:
    """Frames and what tracking says of them; pictures stay uint8 until a step needs them.

    Attributes:
        frames: (T, S, S, 3) uint8 RGB.
        head_mask: (T, S, S) uint8, 255 where the head is.
        torso_mask: (T, S, S) uint8.
        pncc: (T, 3, P, P) uint8: PNCC of each frame's expression, 0..255 for -1..1.
        canonical_pncc: (3, P, P) uint8: PNCC of the person at rest.
        camera_to_world: (T, 4, 4).
        intrinsics: (T, 3, 3), normalised.
        keypoints: (T, K, 2) the torso's driving key-points, [-1, 1].
        focus: (T, F, 2) points that matter most (mouth first, then eyes), in [0, 1] of the picture.
        opening: (T,) how far the mouth is open, in any unit.
        background: (S, S, 3) uint8 plate.
        confidence: (T,) 0 where the track is not to be trusted.
        fps: Frames per second of the video.
        eyes: (T,) how far the eyes are open, in any unit; None where nobody knows.
        posed: (T, 3, S / 2, S / 2) uint8: PNCC as each frame's camera sees it; None where nobody asks for it.
        numbers: (T,) of the frames in the video, growing; None where they are 0, 1, 2 and so on.
    """

    frames: Tensor
    head_mask: Tensor
    torso_mask: Tensor
    pncc: Tensor
    canonical_pncc: Tensor
    camera_to_world: Tensor
    intrinsics: Tensor
    keypoints: Tensor
    focus: Tensor
    opening: Tensor
    background: Tensor
    confidence: Tensor
    fps: float = 25.0
    eyes: Tensor | None = None
    posed: Tensor | None = None
    numbers: Tensor | None = None

    def __post_init__(self) -> None:
        count = len(self.frames)
        for name, values in self._by_frame().items():
            if len(values) != count:
                raise ValueError(f"PortraitClip.{name} has {len(values)} entries for {count} frames")
        if self.frames.dtype != torch.uint8 or self.frames.dim() != 4 or self.frames.shape[-1] != 3:
            raise ValueError(
                f"PortraitClip.frames must be uint8 (T, S, S, 3), got {tuple(self.frames.shape)}"
            )

    def __len__(self) -> int:
        return len(self.frames)

    def _by_frame(self) -> dict[str, Tensor]:
        """What has an entry for each frame, by name."""
        return {name: values for name in PER_FRAME if (values := getattr(self, name)) is not None}

    def take(self, frames: Sequence[int]) -> "PortraitClip":
        """The clip of some frames, in that order."""
        chosen = list(frames)
        taken: dict[str, Any] = {name: values[chosen] for name, values in self._by_frame().items()}
        return replace(self, **taken | {"numbers": self.in_video()[chosen]})

    def to(self, device: torch.device | str) -> "PortraitClip":
        """The clip on a device."""
        moved: dict[str, Any] = {n: v.to(device) for n, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)

    def alone(self, index: int, device: torch.device | str) -> "PortraitClip":
        """One frame as a clip of its own on a device; what belongs to the whole clip stays where it is."""
        one = slice(index, index + 1)
        shown: dict[str, Any] = {name: values[one].to(device) for name, values in self._by_frame().items()}
        return replace(self, **shown)

    def in_video(self) -> Tensor:
        """(T,) number of each frame in the video."""
        return torch.arange(len(self)) if self.numbers is None else self.numbers

    def usable(self) -> Tensor:
        """Indices of the frames whose track is to be trusted."""
        return torch.nonzero(self.confidence > 0).flatten()

    def picture(self, index: int) -> Tensor:
        """(1, 3, S, S) in [0, 1]."""
        return self.frames[index].permute(2, 0, 1)[None].float() / 255

    def mask(self, name: str, index: int) -> Tensor:
        """(1, 1, S, S) in [0, 1] of "head_mask" or "torso_mask"."""
        return getattr(self, name)[index][None, None].float() / 255

    def driving_pncc(self, index: int) -> Tensor:
        """(1, 3, P, P) in [-1, 1]."""
        return pncc_to_float(self.pncc[index])[None]

    def posed_pncc(self, index: int) -> Tensor:
        """(1, 3, S / 2, S / 2) in [-1, 1].

        Raises:
            ValueError: If the clip has none.
        """
        if self.posed is None:
            raise ValueError("the person has a posed guide, but the clip no posed PNCC to drive it")
        return pncc_to_float(self.posed[index])[None]

    def follow_on(self, index: int) -> bool:
        """Whether the frames before and after one are its neighbours in the video, and all three trusted."""
        if not 0 < index < len(self) - 1:
            return False
        three = slice(index - 1, index + 2)
        before, _, after = self.in_video()[three].tolist()
        return after - before == 2 and bool((self.confidence[three] > 0).all())


def frame_odds(opening: Tensor, confidence: Tensor, eyes: Tensor | None = None) -> Tensor:
    """How often each frame is to be learned from, (T,), summing to 1.

    All alike, but for MOUTH_SHARE that goes to every degree of mouth opening alike, and EYES_SHARE to every
    degree of the eyes': wide vowels, closed lips and blinks are a few frames of a clip, and where they are
    learned as seldom as they come, mouths open half-way and eyes do not close.

    Args:
        opening: (T,) how far the mouth is open, in any unit.
        confidence: (T,) frames where it is 0 get 0.
        eyes: (T,) how far the eyes are open, in any unit; None where nobody knows.

    Raises:
        ValueError: If no frame has a trusted track.
    """
    usable = torch.nonzero(confidence > 0).flatten()
    if not len(usable):
        raise ValueError("the clip has no frame with a trusted track")
    opening = opening[usable].float()
    low, high = opening.quantile(0.03), opening.quantile(0.97)
    shares = [(MOUTH_SHARE, _degrees(opening, low, high, MOUTH_DEGREES, MOUTH_RAREST))]
    if eyes is not None:
        eyes = eyes[usable].float()
        low, high = eyes.amin(), eyes.median()  # wider than usual is no blink
        shares.append((EYES_SHARE, _degrees(eyes, low, high, EYES_DEGREES, EYES_RAREST)))
    alike = (1 - sum(share for share, _ in shares)) / len(usable)
    odds = torch.zeros(len(confidence))
    odds[usable] = alike + torch.stack([share * rare for share, rare in shares]).sum(0)
    return odds


def learned_odds(clip: PortraitClip, held_out: Sequence[int], shut: PortraitClip | None = None) -> Tensor:
    """`frame_odds` of a clip without the frames that are held out, (T,), summing to 1; with frames whose eyes
    were shut, (T + M,): they count as the clip's own do.

    Raises:
        ValueError: If nothing is left to learn from.
    """
    parts = [clip] if shut is None else [clip, shut]
    eyes = [part.eyes for part in parts if part.eyes is not None]
    odds = frame_odds(
        torch.cat([part.opening for part in parts]),
        torch.cat([part.confidence for part in parts]),
        torch.cat(eyes) if len(eyes) == len(parts) else None,
    )
    odds[list(held_out)] = 0
    if not float(odds.sum()) > 0:
        raise ValueError("every frame with a trusted track is held out")
    return odds / odds.sum()


def _degrees(values: Tensor, low: Tensor, high: Tensor, bins: int, rarest: int) -> Tensor:
    """Odds (T,) that give each of `bins` degrees between two values the same, summing to 1; one of fewer
    frames than a `rarest`-th of the commonest gets less: one odd frame alone must not be seen too often."""
    degree = ((values - low) / (high - low).clamp_min(1e-9) * bins).long().clamp(0, bins - 1)
    count = torch.bincount(degree, minlength=bins).float()
    rare = 1 / count.clamp_min(count.max() / rarest)[degree]
    return rare / rare.sum()


def pncc_to_float(pncc: Tensor) -> Tensor:
    """uint8 0..255 -> float32 -1..1."""
    return pncc.float() / 127.5 - 1


def best_source_frame(clip: PortraitClip, expression: Tensor) -> int:
    """The frame that shows the person best at rest: near the median pose and expression.

    The published adaptation always takes frame 0, whatever the face does in it.

    Args:
        clip: The clip.
        expression: (T, E) coefficients, where 0 is rest.
    """
    usable = clip.usable()
    if not len(usable):
        raise ValueError("no frame of the clip has a trusted track")
    expression = expression[usable]
    centre = expression.median(0).values
    away = (expression - centre).norm(dim=1)
    position = clip.camera_to_world[usable, :3, 3]
    turned = (position - position.median(0).values).norm(dim=1)
    cost = away / away.median().clamp_min(1e-6) + turned / turned.median().clamp_min(1e-6)
    return int(usable[int(cost.argmin())])
