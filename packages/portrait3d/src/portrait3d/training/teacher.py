"""Teachers of image-to-plane: whoever can show the same head from several sides."""

from collections.abc import Sequence
from typing import Protocol

import torch

from portrait3d.clip import PortraitClip
from portrait3d.training.people import REST, TrainingPeople
from portrait3d.training.stage import pick


class Teacher(Protocol):
    """Shows heads from several sides, with exact cameras.

    Source: Real3D-Portrait section 3.1: image-to-plane is distilled from a 3D generator's multi-view pairs.
    """

    def views(self, targets: int, generator: torch.Generator) -> PortraitClip:
        """A source picture, frame 0, and `targets` other views of the head that it should become."""
        ...


class PeopleTeacher:
    """Moments seen from several sides: synthetic heads, or recordings by several cameras.

    Args:
        people: A data set with moments (`PersonFacts.moment`).
        at_rest: The targets show the face at rest, whatever the source shows: image-to-plane then learns
            canonical planes, to which the motion adapter adds. Else they show the source's moment.

    Raises:
        ValueError: If nobody has a moment of two views (at rest).
    """

    def __init__(self, people: TrainingPeople, at_rest: bool) -> None:
        self.people, self.at_rest = people, at_rest
        self.able = [person for person in range(len(people)) if self._targets(person, None)]
        if not self.able:
            what = "the face at rest" if at_rest else "any moment"
            raise ValueError(f"no one of {len(people)} people shows {what} from two sides")

    def _targets(self, person: int, source: int | None) -> Sequence[int]:
        facts = self.people.facts(person)
        if self.at_rest:
            found = facts.usable & (facts.moment == REST)
        elif source is None:
            several = torch.bincount(facts.moment.clamp_min(-1) + 1) > 1
            several[0] = False
            found = facts.usable & several[facts.moment + 1]
        else:
            found = facts.usable & (facts.moment == facts.moment[source])
        frames: list[int] = torch.nonzero(found).flatten().tolist()
        return frames if len(frames) > 1 else []

    def views(self, targets: int, generator: torch.Generator) -> PortraitClip:
        """A source frame of a random person, and views of the face at rest, or of the source's moment."""
        person = self.able[pick(len(self.able), generator)]
        usable = torch.nonzero(self.people.facts(person).usable).flatten().tolist()
        sources = usable if self.at_rest else self._targets(person, None)
        source = sources[pick(len(sources), generator)]
        choices = self._targets(person, source)
        chosen = [choices[pick(len(choices), generator)] for _ in range(targets)]
        return self.people.load(person, [source, *chosen])
