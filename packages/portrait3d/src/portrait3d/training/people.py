"""Where training pictures come from: an interface, and people held in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip, pncc_to_float

REST = 0  # the moment in which a face is at rest


@dataclass(frozen=True)
class PersonFacts:
    """What is known of a person's frames without reading a picture.

    Attributes:
        moment: (T,) long: frames of one number show the same moment from several sides, `REST` the face at
            rest; -1 for a moment seen once.
        usable: (T,) bool: frames whose track is to be trusted.
        yaw: (T,) radians, to the subject's left.
        consecutive: Whether the frames follow one another in time.
    """

    moment: Tensor
    usable: Tensor
    yaw: Tensor
    consecutive: bool

    def __len__(self) -> int:
        return len(self.moment)


class TrainingPeople(Protocol):
    """A data set: people by number, frames of a person by number."""

    def __len__(self) -> int:
        """Number of people."""
        ...

    def facts(self, person: int) -> PersonFacts:
        """What is known of a person's frames."""
        ...

    def load(self, person: int, frames: Sequence[int]) -> PortraitClip:
        """Some frames of a person, in that order."""
        ...

    def motion_triplet(self, person: int, frame: int, generator: torch.Generator) -> Tensor:
        """(3, 3, P, P) PNCC in [-1, 1] of three expressions in even steps round a frame's."""
        ...


class ClipPeople:
    """People whose clips are in memory.

    Args:
        clips: One of each person.
        facts: One of each person; None: every frame a moment of its own, and consecutive.
    """

    def __init__(self, clips: Sequence[PortraitClip], facts: Sequence[PersonFacts] | None = None) -> None:
        self.clips = clips
        self._facts = facts or [
            PersonFacts(
                torch.full((len(clip),), -1), clip.confidence > 0, camera_yaw(clip.camera_to_world), True
            )
            for clip in clips
        ]

    def __len__(self) -> int:
        return len(self.clips)

    def facts(self, person: int) -> PersonFacts:
        """What is known of a person's frames."""
        return self._facts[person]

    def load(self, person: int, frames: Sequence[int]) -> PortraitClip:
        """Some frames of a person, in that order."""
        return self.clips[person].take(frames)

    def motion_triplet(self, person: int, frame: int, generator: torch.Generator) -> Tensor:
        """PNCC of the frames before, at and after, (3, 3, P, P)."""
        middle = min(max(frame, 1), len(self.clips[person]) - 2)
        return pncc_to_float(self.clips[person].pncc[middle - 1 : middle + 2])


def camera_yaw(camera_to_world: Tensor) -> Tensor:
    """(T,) radians by which a head turns to its left, seen by cameras (T, 4, 4) round the resting head."""
    backward = -camera_to_world[:, :3, 2]  # from the head to the camera
    return -torch.atan2(backward[:, 0], backward[:, 2])
