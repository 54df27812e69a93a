"""Terms of an adaptation that are not about one picture: planes, occlusion, blinks, motion in time."""

from dataclasses import dataclass

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip
from portrait3d.frame_loss import DrawnFrame
from portrait3d.losses import entropy_loss

EVERY = 4  # terms that need further passes of the motion adapter: one step in four, at four times the weight
FEW_FRAMES, SOME_FRAMES = 5, 250  # the published bounds for `published_plane_distance`


@dataclass(frozen=True)
class AdaptationTerms:
    """Weights of the terms beside those of `LossWeights`; 0 leaves one out.

    All but `temporal` and `hard_frames` are the published ones (MimicTalk, training script). At their
    published weights they are small beside the picture terms.

    Attributes:
        plane_distance: L1 between the planes and their start: keeps few frames from bending what they do not
            show.
        occlusion: Entropy of the torso's alpha: cloth is there or not.
        blink: L1 between the diff-plane of a half-closed eye and the mean of open and closed.
        temporal: L1 of the second difference of the diff-planes of three frames in a row: holds jitter down.
        hard_frames: Share of the steps that go to frames by how badly they were met so far, in [0, 1].
    """

    plane_distance: float = 0.0
    occlusion: float = 0.0
    blink: float = 0.0
    temporal: float = 0.0
    hard_frames: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"AdaptationTerms.{name} must be >= 0, got {value!r}")
        if self.hard_frames > 1:
            raise ValueError(f"AdaptationTerms.hard_frames must be at most 1, got {self.hard_frames!r}")


def published_plane_distance(frames: int) -> float:
    """The published weight of the plane distance by the number of frames learned from."""
    if frames <= FEW_FRAMES:
        return 1.0
    return 0.1 if frames <= SOME_FRAMES else 0.0


def occlusion_entropy(drawn: DrawnFrame, clip: PortraitClip, index: int) -> Tensor:
    """Binary entropy of the torso's alpha where the head does not hide it, in nats."""
    outside = 1 - clip.mask("head_mask", index)
    hidden = drawn.torso_alpha * outside  # entropy of 0 is that of a pixel without torso
    return entropy_loss(hidden)


def blink_bend(diffs: Tensor) -> Tensor:
    """How far the middle of three diff-planes (open, half-closed, closed) is from the mean of the others."""
    return (diffs[1] - (diffs[0] + diffs[2]) / 2).abs().mean()


def happens(generator: torch.Generator) -> bool:
    """Whether a term of one step in `EVERY` is part of this one."""
    return int(torch.randint(EVERY, (), generator=generator)) == 0


class HardFrames:
    """How badly each frame has been met so far, against the mean of all: 1 at first.

    A clip has more frames than a run can get to know one by one: what is learned of a frame also tells of
    those next to it.

    Args:
        count: Frames of the clip.

    Attributes:
        difficulty: (T,).
        level: () running mean of the loss; 0 before the first.
    """

    NEAR = 3
    FOLLOW = 0.3

    def __init__(self, count: int) -> None:
        self.difficulty, self.level = torch.ones(count), torch.zeros(())

    def memory(self) -> dict[str, Tensor]:
        """What must survive an interruption."""
        return {"difficulty": self.difficulty, "level": self.level}

    def odds(self, base: Tensor, share: float) -> Tensor:
        """(T,) odds: `share` of them follow the squared difficulty, the rest is `base`."""
        hard = base * self.difficulty.square()
        return (1 - share) * base + share * hard / hard.sum()

    def note(self, index: int, loss: float) -> None:
        """Remember the loss of a frame; one that is not finite tells nothing."""
        if not 0 <= loss < float("inf"):
            return
        level = float(self.level)
        level = loss if level == 0 else level + 0.05 * (loss - level)
        self.level.fill_(level)
        if level == 0:
            return
        for place in range(max(0, index - self.NEAR), min(len(self.difficulty), index + self.NEAR + 1)):
            share = self.FOLLOW * (1 - abs(place - index) / (self.NEAR + 1))
            self.difficulty[place] += share * (loss / level - self.difficulty[place])
