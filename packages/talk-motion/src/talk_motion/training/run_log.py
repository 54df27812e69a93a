"""What a run leaves to look at: a JSON line for every report, and TensorBoard where it is wanted."""

import json
from pathlib import Path
from typing import Any

from talk_motion.errors import InputError

NAME = "log.jsonl"


class RunLog:
    """Reports of one run.

    Args:
        folder: Of the run; gets log.jsonl, and tensorboard/.
        done: Steps done when the run is taken up; later reports of an earlier attempt are dropped.
        tensorboard: Also write for TensorBoard.

    Raises:
        InputError: If TensorBoard is wanted and not installed.
    """

    def __init__(self, folder: Path, done: int = 0, tensorboard: bool = False) -> None:
        self.path, self.board = folder / NAME, None
        lines = self.path.read_text().splitlines() if self.path.is_file() else []
        kept = [line for line in lines if done and _step(line) <= done]
        self.path.write_text("".join(line + "\n" for line in kept))
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                cure = "pip install talk-motion[tensorboard], or leave the option away: log.jsonl has it."
                raise InputError("--tensorboard", "the package tensorboard is not installed", cure) from None
            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=done + 1 if done else None)

    def report(self, step: int, numbers: dict[str, Any]) -> None:
        """Write the numbers after `step` steps."""
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **numbers}) + "\n")
        if self.board is not None:
            for name, value in numbers.items():
                self.board.add_scalar(name, value, step)

    def close(self) -> None:
        """Finish writing."""
        if self.board is not None:
            self.board.close()


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # half a line of a process that was killed
