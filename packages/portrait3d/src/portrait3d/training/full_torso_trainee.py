"""`FullPortrait` as its torso stage sees it."""

from pathlib import Path
from typing import Any

from torch import nn

from portrait3d.errors import InputError
from portrait3d.full.head_torso_background import HeadTorsoBackground
from portrait3d.full.model import FullPortrait
from portrait3d.training.full_trainee import FullTraineeConfig, full_portrait


class FullTorsoTrainee(nn.Module):
    """The last stage of `full`: the head-torso-background model learns, and nothing else, as published.

    Args:
        model: With torso (`FullConfig.has_torso`); its weights are the ones that learn.

    Raises:
        ValueError: If the model draws no torso.
    """

    def __init__(self, model: FullPortrait) -> None:
        super().__init__()
        if not isinstance(model.super_resolution, HeadTorsoBackground):
            raise ValueError("the torso stage trains FullConfig(has_torso=True), got one without torso")
        sizes = model.config
        self.model, self.full_config = model, sizes
        self.config = FullTraineeConfig(
            sizes.picture_size, sizes.picture_size, sizes.ray_grid, sizes.box_warp
        )

    @property
    def super_resolution(self) -> HeadTorsoBackground:
        """What learns."""
        learned = self.model.super_resolution
        assert isinstance(learned, HeadTorsoBackground)
        return learned


def build_full_torso(changes: dict[str, Any], seed: int, start: Path | None) -> FullTorsoTrainee:
    """A `full` torso to train, with the head of an earlier stage.

    Args:
        changes: Fields of `FullConfig` that differ from the weights'.
        seed: Of the weights that are not given: of the torso, where `start` has none.
        start: Folder written by `full.storage.write_weights`. The blocks of its plain super-resolution are
            taken up, as published.

    Raises:
        InputError: If no weights are given, or sizes and weights do not fit.
    """
    if "torso_keypoint_source" in changes:
        cause = "torso_keypoint_source: the torso of `full` follows key-points of the face model alone"
        raise InputError("[model]", cause, "Leave it away; the preset small can find key-points itself.")
    if start is None:
        cause = "the torso of `full` learns on planes and motion that stay as they are, and none are given"
        raise InputError("--start", cause, "Give the folder of the motion stage.")
    return FullTorsoTrainee(full_portrait(changes, seed, start, has_torso=True))
