"""From a published checkpoint to a folder of weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.weights_listing import weights_home

STEPS = 2


def import_weights(
    path: Path, out: Path | None, console: Console, *, half: bool = False, force: bool = False
) -> tuple[str, dict[str, Any]]:
    """Import a renderer or an audio-to-motion model and write it.

    Args:
        path: A published checkpoint or its folder.
        out: The folder to write; by default one in `weights_home()`, named after the checkpoint.
        console: Tells what happens.
        half: Write float16.
        force: Replace weights that are there.

    Returns:
        The report for people and for `--json`.

    Raises:
        InputError: If it is neither's checkpoint, or the folder is taken (of either package).
    """
    from portrait3d.full.checkpoint_file import find_checkpoint

    checkpoint = find_checkpoint(path)
    read, card_name, refuse_to_replace = _importer(checkpoint)
    folder = out if out is not None else weights_home() / name_of(checkpoint)
    refuse_to_replace(folder)
    if (folder / card_name).is_file() and not force:
        raise InputError(folder, "weights are there already", "Add --force to replace them, or -o FOLDER.")
    console.how_to_go_on = "Nothing was written. Run the same command to start again."
    with console.progress() as progress:
        progress("reading", 0, STEPS, {"MB": round(checkpoint.stat().st_size / 1e6)})
        imported = read(checkpoint)
        progress("writing", 1, STEPS, {})
        card = imported.save(folder, half=half)
        progress("writing", STEPS, STEPS, {})
    size = sum(file["bytes"] for file in card["files"].values())
    text = f"{imported.words()}\nwritten: {folder}, {card['precision']}, {size / 1e6:,.1f} MB"
    files = {name: {"sha256": file["sha256"], "bytes": file["bytes"]} for name, file in card["files"].items()}
    return text, {"folder": str(folder), "files": files, "precision": card["precision"], **imported.report}


def _importer(checkpoint: Path) -> tuple[Callable[[Path], Any], str, Callable[[Path], None]]:
    """Of the package that a checkpoint belongs to: reader, card, refusal to replace other things."""
    from talk_motion.full import importing as motion

    if motion.is_motion_model(checkpoint):
        from talk_motion.full import storage as motion_storage

        return motion.read_published, motion_storage.CARD, motion_storage.refuse_to_replace
    from portrait3d.full import storage
    from portrait3d.full.importing import import_checkpoint

    return import_checkpoint, storage.CARD, storage.refuse_to_replace


def name_of(checkpoint: Path) -> str:
    """What to call the weights of a checkpoint: its folder, as published, or its own name."""
    if checkpoint.name.startswith("model_ckpt_"):
        return checkpoint.resolve().parent.name or checkpoint.stem
    return checkpoint.stem
