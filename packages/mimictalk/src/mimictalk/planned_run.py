"""What is known of an adaptation before it begins: its recipe, its settings, and where its state is kept."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.adapt_recipe import Recipe

if TYPE_CHECKING:
    from mimictalk.imported_base import ImportedBase
    from mimictalk_adapt import AdaptConfig


@dataclass(frozen=True)
class PlannedRun:
    """What is known of a run before it begins.

    Attributes:
        recipe: What learns and how.
        config: Its settings.
        key: What is learned from, in words that change when it does.
        state: Folder of state and preview.
    """

    recipe: Recipe
    config: "AdaptConfig"
    key: str
    state: Path


def planned_run(
    source_hash: str,
    *,
    steps: int | None,
    budget_s: float | None,
    seed: int,
    preset: str,
    start: str,
    recipe: str,
    max_seconds: float | None,
    segmenter: Path | None,
    base: "ImportedBase | None" = None,
) -> PlannedRun:
    """The run that `mimictalk.adapting.adapt_clip` will do with the same arguments.

    Args:
        source_hash: sha256 of the clip.
        steps, budget_s, seed, preset, start, recipe, max_seconds, segmenter, base: See there.
    """
    from face3dmm.tracking import file_hash
    from mimictalk.base_weights import installed
    from mimictalk.full_recipe import FullRecipe

    chosen = Recipe(recipe, start=start) if base is None else FullRecipe(recipe, base=base)
    stands_on = installed() | ({} if base is None else base.hashes)
    weights = [f"{name} {sha256}" for name, sha256 in sorted(stands_on.items())]
    key = " ".join([source_hash, str(max_seconds), preset, *weights])
    if segmenter is not None:
        key += f" {file_hash(segmenter)}"
    config = chosen.config(steps, seed, budget=budget_s is not None)
    return PlannedRun(chosen, config, key, state_folder(f"{key} {chosen}", config, budget_s))


def state_folder(key: str, config: Any, budget_s: float | None) -> Path:
    """Where an interrupted run leaves its state; another clip or other settings get another folder."""
    name = hashlib.sha256(f"{key} {config} {budget_s}".encode()).hexdigest()[:24]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mimictalk" / "adapt" / name
