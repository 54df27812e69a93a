"""What the loop of training needs to know of a stage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from talk_motion.training.processes import Share


class Stage(Protocol):
    """One of the things that can be learned.

    Attributes:
        network: What is trained, as it begins.
    """

    network: nn.Module

    def terms(self, step: int, share: Share) -> dict[str, Tensor]:
        """Terms of the loss on a share of the batch; a function of seed, step and weights."""

    def total(self, terms: Mapping[str, Tensor], step: int) -> Tensor:
        """Their weighted sum, whose mean over the shares is made small."""

    def judge(self, kept: nn.Module) -> dict[str, float] | None:
        """Scores of averaged weights on what is not trained on, of which "score" grows as they get better;
        None where there is nothing to judge on."""

    def save(self, kept: nn.Module, folder: Path, card: dict[str, Any]) -> None:
        """Write weights that can be used, and their card, into the folder of the run."""


def noise_seed(seed: int, step: int) -> int:
    """Seed of everything random in the loss of a step."""
    return seed * 1_000_003 + step
