"""Imported audio-to-motion weights on disk: a folder of motion.safetensors and motion.json.

motion.json holds the kind of network, its sizes, the report of the import, size and sha256 of the weights.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from talk_motion.errors import InputError
from talk_motion.full.config import FlowVaeConfig, InContextConfig
from talk_motion.motion import write_atomically
from talk_motion.seal import read_sealed_json, sealed_json

FORMAT = "talk_motion full weights, 1"
CARD, WEIGHTS = "motion.json", "motion.safetensors"
AGAIN = "Import the checkpoint again: mimictalk weights import PATH"
CONFIGS: dict[str, type[InContextConfig | FlowVaeConfig]] = {
    "InContextNetwork": InContextConfig,
    "FlowVae": FlowVaeConfig,
}
Network = TypeVar("Network", bound=nn.Module)


def write_weights(
    folder: Path,
    kind: str,
    config: InContextConfig | FlowVaeConfig,
    state: Mapping[str, Tensor],
    report: Mapping[str, Any],
    *,
    half: bool = False,
) -> dict[str, Any]:
    """Write a folder of weights; the card comes last, so half a folder is no folder of weights.

    Args:
        folder: Where; a folder of weights that is there is replaced.
        kind: Name of the class, a key of `CONFIGS`.
        config: Its sizes.
        state: Its `state_dict()`.
        report: What is known of their origin; JSON.
        half: float16 instead of float32.

    Returns:
        The content of motion.json.

    Raises:
        InputError: `folder` holds something else, or a value does not fit into float16.
    """
    from safetensors.torch import save

    refuse_to_replace(folder)
    blob = save({name: _stored(name, value, half) for name, value in state.items()})
    card = {
        "format": FORMAT,
        "network": kind,
        "config": config.to_dict(),
        "precision": "float16" if half else "float32",
        "files": {WEIGHTS: {"sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)}},
        "report": dict(report),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).unlink(missing_ok=True)
    write_atomically(folder / WEIGHTS, blob)
    write_atomically(folder / CARD, sealed_json(card))
    return card


def refuse_to_replace(folder: Path) -> None:
    """Refuse to write weights over anything else.

    Raises:
        InputError: `folder` is a file, or a folder that holds something but no such weights.
    """
    if folder.is_dir() and (not any(folder.iterdir()) or (folder / CARD).is_file()):
        return
    if folder.exists():
        cause = "it is there already and holds no imported motion weights"
        raise InputError(folder, cause, "Choose another folder.")


def read_card(folder: Path) -> dict[str, Any]:
    """The content of motion.json.

    Raises:
        InputError: It is missing, unreadable, or of another format.
    """
    path = Path(folder) / CARD
    if not path.is_file():
        raise InputError(folder, f"no imported motion weights ({CARD}) here", "Name another folder.")
    try:
        card = read_sealed_json(path, AGAIN)
        readable = card["format"] == FORMAT and WEIGHTS in card["files"]
        CONFIGS[card["network"]](**card["config"])
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        words = " ".join(str(error).split())[:80]
        raise InputError(path, f"it is damaged or of another version ({words})", AGAIN) from None
    if not readable:
        raise InputError(path, f"it is not of the format {FORMAT!r}", AGAIN)
    return dict(card)


def read_network(folder: Path, kind: type[Network]) -> Network:
    """A network with its weights.

    Raises:
        InputError: A file is missing, is not the one that was written, or is another network's.
    """
    from safetensors.torch import load

    folder = Path(folder)
    card = read_card(folder)
    if card["network"] != kind.__name__:
        cause = f"it holds {card['report'].get('kind', card['network'])}, not a {kind.__name__}"
        raise InputError(folder, cause, "Name another folder.")
    path = folder / WEIGHTS
    blob = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(blob).hexdigest() != card["files"][WEIGHTS]["sha256"]:
        cause = "it is damaged: its sha256 is another one" if blob else "it is missing or empty"
        raise InputError(path, cause, AGAIN)
    with torch.device("meta"):
        network = kind(CONFIGS[kind.__name__](**card["config"]))
    state = {
        name: value.float() if value.is_floating_point() else value for name, value in load(blob).items()
    }
    network.load_state_dict(state, assign=True)
    return network


def _stored(name: str, value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    if not half or not value.is_floating_point():
        return value
    if not torch.isfinite(value.half()).all():
        raise InputError(name, "a value is too large for float16", "Import without --half.")
    return value.half()
