"""A motion that is written to the disk as it comes, and read back without being held in memory."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from types import TracebackType
from typing import IO

import numpy as np
import torch
from torch import Tensor

from .motion import SIZES, MotionSequence


class MotionSpool:
    """Takes a motion piece by piece; temporary files hold it until the spool is closed."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._files: dict[str, IO[bytes]] = {}
        for name in SIZES:
            self._files[name] = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self.frames = 0

    def __enter__(self) -> MotionSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, piece: MotionSequence) -> None:
        """Writes the next frames."""
        for name, file in self._files.items():
            file.write(getattr(piece, name).detach().float().contiguous().numpy().tobytes())
        self.frames += piece.frames

    def motion(self) -> MotionSequence:
        """All frames so far, mapped from the disk; to be used before the spool is closed."""
        if not self.frames:
            return MotionSequence.join([])
        expression, euler, translation, gaze, blink = map(self._mapped, SIZES)
        return MotionSequence(expression, euler, translation, gaze, blink)

    def _mapped(self, name: str) -> Tensor:
        file = self._files[name]
        file.flush()
        # Copy on write: the files stay as they are whatever is done to the tensors.
        return torch.from_numpy(np.memmap(file, np.float32, "c", shape=(self.frames, *SIZES[name])))
