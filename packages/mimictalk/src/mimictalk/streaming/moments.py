"""The one clock of a live stream: 40 ms of sound are a moment, and pictures go with their sound.

A moment goes out a fixed number of moments after its sound came in, with its picture if that is there by
then. A picture that comes up to a moment later goes out with the next one and keeps its own time; one that
comes later still is thrown away. So sound is never delayed for a picture, and no picture is shown as if it
were another's.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimictalk.video_coding import FPS as FPS

SECONDS = 1 / FPS


@dataclass(frozen=True)
class Moment:
    """40 ms of what goes out.

    Attributes:
        index: How many came before it.
        sound: (1920, 2) float32 at 48 kHz.
        picture: (size, size, 3) uint8 RGB; None where none was ready.
        overdue: Whether the picture is that of the moment before, which came too late for it.
    """

    index: int
    sound: np.ndarray
    picture: Any = None
    overdue: bool = False

    @property
    def shown(self) -> int:
        """Index of the moment whose picture it is."""
        return self.index - self.overdue


class Moments:
    """Delays the sound by as much as its pictures need.

    Args:
        delay: Moments between the arrival of a moment's sound and its going out, 1 or more.

    Attributes:
        heard: Moments of sound that came in.
        shown: Moments that went out with a picture.
        overdue: Those among them whose picture was that of the moment before.
        late: Pictures that came too late to be shown.
        missing: Moments that went out without a picture although one was wanted.
    """

    def __init__(self, delay: int) -> None:
        if delay < 1:
            raise ValueError(f"a delay is 1 moment or more, got {delay}")
        self.delay, self.heard = delay, 0
        self.shown = self.overdue = self.late = self.missing = 0
        self._sound: deque[tuple[np.ndarray, bool]] = deque()
        self._pictures: dict[int, Any] = {}

    @property
    def next(self) -> int:
        """Index of the moment that goes out next."""
        return self.heard - len(self._sound)

    def hear(self, sound: np.ndarray, wanted: bool = True) -> Moment | None:
        """Take the next 40 ms of sound; give the moment that goes out now, if there is one yet.

        Args:
            sound: (1920, 2) float32 at 48 kHz.
            wanted: Whether anybody wants a picture of it.
        """
        self._sound.append((sound, wanted))
        self.heard += 1
        if len(self._sound) <= self.delay:
            return None
        index = self.next
        due, was_wanted = self._sound.popleft()
        before, picture = self._pictures.pop(index - 1, None), self._pictures.pop(index, None)
        overdue = picture is None and before is not None
        self.late += before is not None and not overdue
        shown = before if overdue else picture
        self.shown += shown is not None
        self.overdue += overdue
        self.missing += was_wanted and shown is None
        return Moment(index, due, shown, overdue)

    def draw(self, index: int, picture: Any) -> bool:
        """Keep the picture of a moment that went out last or has yet to go out; whether it can be shown."""
        in_time = max(0, self.next - 1) <= index < self.heard
        if in_time:
            self._pictures[index] = picture
        else:
            self.late += 1
        return in_time

    def lengthen(self, delay: int) -> None:
        """From now on sound goes out later, after a pause; a shorter delay changes nothing."""
        self.delay = max(self.delay, delay)
