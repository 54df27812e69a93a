"""Where a recipe's data sets lie."""

from collections.abc import Sequence
from pathlib import Path

from mimictalk.errors import InputError


def shard_folders(given: Sequence[Path], data_sets: Sequence[str]) -> list[Path]:
    """Folders of shards; a given one may hold a folder for each of the recipe's data sets instead of shards.

    Args:
        given: By the user.
        data_sets: Names of the folders, as the settings have them.

    Raises:
        InputError: If a folder has some of the data sets, but not all.
    """
    found: list[Path] = []
    for folder in given:
        inside = [folder / name for name in data_sets]
        missing = [path.name for path in inside if not path.is_dir()]
        if len(missing) == len(inside) or any(folder.glob("*.safetensors")):
            found.append(folder)
            continue
        if missing:
            cause = f"the recipe's data sets {', '.join(missing)} have no folder here"
            cure = "Make shards: mimictalk preprocess CLIPS -o FOLDER; or name the folders one by one."
            raise InputError(str(folder), cause, cure)
        found += inside
    return found
