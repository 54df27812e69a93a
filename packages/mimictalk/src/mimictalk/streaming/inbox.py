"""Sound that has come in and was not taken yet: it evens out a network's jitter and never grows."""

import threading
from collections import deque

import numpy as np

from mimictalk.sound import SAMPLE_RATE
from mimictalk.video_coding import SAMPLES_PER_FRAME

TARGET = 3 * SAMPLES_PER_FRAME // 2  # 60 ms
MOST = 6 * SAMPLES_PER_FRAME  # 240 ms


class Inbox:
    """A short queue of sound between a sender's clock and ours. Safe to use from several threads.

    Where it runs empty there is silence, until enough is there again to last for a while. Where it runs
    over, the oldest is dropped: late sound is never made up for by a longer delay.

    Args:
        target: Samples at 48 kHz that wait as a rule.
        most: Samples that wait at most.
        leads: Whether our pace should follow the sender's; not one who waits for us.

    Attributes:
        dropped: Samples that were thrown away.
        gaps: Times it ran empty while somebody was sending.
    """

    def __init__(self, target: int = TARGET, most: int = MOST, leads: bool = True) -> None:
        self.target, self.most, self.leads = target, most, leads
        self.dropped = self.gaps = 0
        self._blocks: deque[np.ndarray] = deque()
        self._waiting, self._flows = 0, False
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float | None:
        """How much waits beyond what should; None where that says nothing about the sender's pace."""
        return (self._waiting - self.target) / SAMPLE_RATE if self._flows and self.leads else None

    def has_room(self) -> bool:
        """Whether a sender that can wait should go on."""
        return self._waiting < self.target + SAMPLES_PER_FRAME

    def put(self, samples: np.ndarray) -> None:
        """Append (n, 2) float32 at 48 kHz; of too much the oldest is dropped."""
        if not len(samples):
            return
        with self._lock:
            self._blocks.append(samples)
            self._waiting += len(samples)
            if self._waiting > self.most:
                excess = self._waiting - self.target
                self._pop(excess)
                self.dropped += excess

    def take(self) -> np.ndarray:
        """The next (1920, 2) float32, with silence for what is not there."""
        with self._lock:
            if not self._flows and self._waiting < self.target:
                return np.zeros((SAMPLES_PER_FRAME, 2), np.float32)
            self._flows = self._waiting >= SAMPLES_PER_FRAME
            self.gaps += not self._flows
            return self._pop(SAMPLES_PER_FRAME)

    def _pop(self, count: int) -> np.ndarray:
        out = np.zeros((count, 2), np.float32)
        filled = 0
        while filled < count and self._blocks:
            block = self._blocks.popleft()
            part = block[: count - filled]
            out[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) < len(block):
                self._blocks.appendleft(block[len(part) :])
        self._waiting -= filled
        return out
