"""Landmarks of picture after picture, found by a thread of its own while the caller fetches the next."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import numpy as np

from face3dmm.detector import LandmarkTracker

WAITING = 4  # pictures; they bridge a caller's search for faces, which takes as long as landmarks of two


class LandmarkQueue:
    """Follows faces through pictures that are handed in one by one.

    Args:
        faces: How many faces to follow at most.
    """

    def __init__(self, faces: int = 1) -> None:
        self._tracker = LandmarkTracker(faces)
        self._beside = ThreadPoolExecutor(1)
        self._waiting: deque[Future[list[np.ndarray]]] = deque()
        self._found: list[Future[list[np.ndarray]]] = []
        self._before: np.ndarray | None = None

    def add(self, picture: np.ndarray) -> None:
        """Take the next picture (S, S, 3) uint8 RGB; waits while `WAITING` others are not done.

        The same array again is a held frame: it has the same landmarks, and is not looked at.
        """
        if picture is self._before:
            self._found.append(self._found[-1])
            return
        if len(self._waiting) == WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._beside.submit(self._tracker, picture))
        self._found.append(self._waiting[-1])
        self._before = picture

    def faces(self) -> list[list[np.ndarray]]:
        """Of each picture the faces as `LandmarkTracker` gives them; waits for those not done."""
        return [one.result() for one in self._found]

    def close(self) -> None:
        """Drop what was not looked at yet, and stop."""
        self._beside.shutdown(cancel_futures=True)
        self._tracker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
