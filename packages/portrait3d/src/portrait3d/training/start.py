"""The model a run begins with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from portrait3d.config import SMALL, PortraitConfig
from portrait3d.errors import InputError
from portrait3d.model import Portrait3D
from portrait3d.storage import load_weights, weights_folder
from portrait3d.training.settings import TrainingSettings


def build_model(settings: TrainingSettings, start: Path | str | None) -> tuple[Portrait3D, list[str]]:
    """A `Portrait3D` of the settings' sizes, random, or with the weights of an earlier stage.

    Args:
        settings: `model` changes the sizes of the preset, or of the earlier weights.
        start: Folder of weights, "small" for the embedded ones, None for random ones.

    Returns:
        The model, and the modules that begin at random although weights were given.

    Raises:
        InputError: If weights and sizes do not fit.
    """
    config, state = SMALL, None
    if start is not None:
        state, description = load_weights(weights_folder(start))
        config = PortraitConfig(**description["config"])
    config = _changed(config, settings.model)
    torch.manual_seed(settings.seed)
    model = Portrait3D(config)
    if state is None:
        return model, []
    own = model.state_dict()
    wrong = [name for name, value in state.items() if name not in own or own[name].shape != value.shape]
    if wrong:
        cause = f"{len(wrong)} tensors do not fit the sizes in [model], the first is {wrong[0]}"
        raise InputError(str(start), cause, "Leave these sizes away, or begin without weights.")
    model.load_state_dict({**own, **state})
    return model, sorted({name.split(".")[0] for name in own.keys() - state.keys()})


def _changed(config: PortraitConfig, changes: dict[str, Any]) -> PortraitConfig:
    try:
        return replace(config, **changes)
    except (TypeError, ValueError) as error:
        raise InputError("[model]", str(error), "See PortraitConfig for the sizes there are.") from None
