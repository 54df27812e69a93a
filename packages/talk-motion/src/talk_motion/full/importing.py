"""Import of the published audio-to-motion checkpoints: read, account for every name, write as our weights.

report = import_published(Path("checkpoints/240112_icl_audio2secc_vox2_cmlr"), Path("weights/ics_a2m"))
model = InContextModel.load(Path("weights/ics_a2m"))
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from talk_motion.errors import InputError
from talk_motion.full.checkpoint_file import Checkpoint, read_checkpoint, read_names
from talk_motion.full.config import FlowVaeConfig, InContextConfig
from talk_motion.full.published_keys import FLOW_VAE, IN_CONTEXT, Account, account

SHOWN = 3  # names in a message
IN_CONTEXT_WORDS = "the audio-to-motion model of MimicTalk (ICS-A2M)"
FLOW_VAE_WORDS = "the audio-to-motion model of Real3D-Portrait (VAE with flow)"
GIVE = (
    "Give 240112_icl_audio2secc_vox2_cmlr (MimicTalk) or audio2secc_vae (Real3D-Portrait); "
    "renderers are imported by: mimictalk weights import"
)
# What else a file may hold: words, beginnings of names that must all occur.
OTHERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("the lip-sync expert, which has no part in speaking", ("hubert_encoder", "mouth_encoder")),
    ("a regression without flow matching (icl_transformer)", ("backbone.transformer.", "hubert_encoder.")),
    ("a VAE without pitch, which was never published", ("vae.decoder.", "mel_encoder.")),
    ("a renderer", ("superresolution.",)),
    ("a renderer", ("cano_img2plane_backbone.",)),
    ("HuBERT itself, which is loaded by its folder", ("hubert.feature_extractor.",)),
    ("HuBERT itself, which is loaded by its folder", ("feature_extractor.conv_layers.",)),
)


@dataclass(frozen=True)
class Imported:
    """A published model, ready to be used or written.

    Attributes:
        network: Class and key of `storage.CONFIGS`.
        config: Its sizes.
        state: For `load_state_dict`.
        report: What was read from where; JSON.
    """

    network: str
    config: InContextConfig | FlowVaeConfig
    state: dict[str, Tensor]
    report: dict[str, Any]

    def save(self, folder: Path, *, half: bool = False) -> dict[str, Any]:
        """Write safetensors and motion.json; gives what the latter holds (see `storage.write_weights`)."""
        from talk_motion.full.storage import write_weights

        return write_weights(folder, self.network, self.config, self.state, self.report, half=half)

    def words(self) -> str:
        """The report for people."""
        report = self.report
        step = f", step {report['step']:,}" if report["step"] is not None else ""
        lines = [
            f"{report['source']}: {report['kind']}{step}",
            f"read: {report['read']:,} entries, {report['parameters']:,} parameters",
            *(f"left out: {name}, {count:,} entries" for name, count in report["left_out"].items()),
        ]
        return "\n".join(lines)


def import_published(
    path: Path, out: Path, sizes: InContextConfig | FlowVaeConfig | None = None
) -> dict[str, Any]:
    """Import a checkpoint and write it.

    Args:
        path: A checkpoint, or the folder of one (the highest step is taken).
        out: The folder to write.
        sizes: As `read_published`.

    Returns:
        The report: source, sha256, kind, step, sizes, entries, parameters.

    Raises:
        InputError: It is no checkpoint, another network's, incomplete, has entries without a place or values
            that are not numbers; or `out` holds something else.
    """
    imported = read_published(path, sizes)
    imported.save(out)
    return imported.report


def read_published(path: Path, sizes: InContextConfig | FlowVaeConfig | None = None) -> Imported:
    """Read a checkpoint without writing anything.

    Args:
        path: A checkpoint or its folder.
        sizes: Sizes that no published checkpoint varies; the published ones by default.

    Raises:
        InputError: As `import_published`.
    """
    checkpoint = read_checkpoint(Path(path))
    words = kind_of(checkpoint.tensors)
    if words not in (IN_CONTEXT_WORDS, FLOW_VAE_WORDS):
        raise InputError(checkpoint.path, f"it is {words}", GIVE)
    config: InContextConfig | FlowVaeConfig
    if words == IN_CONTEXT_WORDS:
        rules, config = IN_CONTEXT, _in_context(checkpoint.tensors, sizes)
    else:
        rules, config = FLOW_VAE, _flow_vae(checkpoint.tensors, sizes)
    ours = _shapes(config)
    name, shapes = type(ours).__name__, ours.state_dict()
    found = account(checkpoint.tensors, shapes, rules)
    _refuse_incomplete(checkpoint.path, found)
    state = {
        new: _as_ours(checkpoint.path, published, checkpoint.tensors[published])
        for published, new in found.read.items()
    }
    return Imported(name, config, state, _report(checkpoint, words, config, ours, found))


def is_motion_model(path: Path) -> bool:
    """Whether a file is one of the two models; False also where it cannot be read."""
    try:
        names = read_names(path)
    except InputError:
        return False
    return kind_of(names) in (IN_CONTEXT_WORDS, FLOW_VAE_WORDS)


def kind_of(names: Iterable[str]) -> str:
    """What tensors of these names are, in words: IN_CONTEXT_WORDS, FLOW_VAE_WORDS or something else."""
    names = list(names)

    def occur(*beginnings: str) -> bool:
        return all(any(name.startswith(beginning) for name in names) for beginning in beginnings)

    if occur("backbone.icl_transformer_model."):
        return IN_CONTEXT_WORDS
    if occur("vae.prior_flow.", "pitch_encoder."):
        return FLOW_VAE_WORDS
    for words, beginnings in OTHERS:
        if occur(*beginnings):
            return words
    first = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    return f"nothing known here (its tensors: {first})" if names else "empty: it holds no tensors"


def _in_context(names: Iterable[str], sizes: InContextConfig | FlowVaeConfig | None) -> InContextConfig:
    sizes = sizes if isinstance(sizes, InContextConfig) else InContextConfig()
    return replace(sizes, hears_manner="mouth_amp_embed" in names)


def _flow_vae(names: Iterable[str], sizes: InContextConfig | FlowVaeConfig | None) -> FlowVaeConfig:
    sizes = sizes if isinstance(sizes, FlowVaeConfig) else FlowVaeConfig()
    return replace(sizes, hears_mouth_opening="mouth_amp_embed" in names)


def _shapes(config: InContextConfig | FlowVaeConfig) -> nn.Module:
    """The network without values."""
    from talk_motion.full.ics_network import InContextNetwork
    from talk_motion.full.vae import FlowVae

    with torch.device("meta"):
        return InContextNetwork(config) if isinstance(config, InContextConfig) else FlowVae(config)


def _report(
    checkpoint: Checkpoint,
    words: str,
    config: InContextConfig | FlowVaeConfig,
    ours: nn.Module,
    found: Account,
) -> dict[str, Any]:
    return {
        "source": checkpoint.path.name,
        "source_sha256": checkpoint.sha256,
        "source_bytes": checkpoint.path.stat().st_size,
        "kind": words,
        "step": checkpoint.step,
        "config": config.to_dict(),
        "read": len(found.read),
        "parameters": sum(value.numel() for value in ours.parameters()),
        "left_out": checkpoint.set_aside,
        "notes": [],
    }


def _as_ours(path: Path, name: str, value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value.contiguous()
    value = value.float().contiguous()
    if not torch.isfinite(value).all():
        raise InputError(path, f"{name} holds values that are not numbers", "The file is damaged.")
    return value


def _refuse_incomplete(path: Path, found: Account) -> None:
    """Say exactly what is missing, unknown or of another shape."""
    if found.complete:
        return
    problems: Mapping[str, tuple[str, ...]] = {
        "missing": found.missing,
        "unknown": found.unknown,
        "of another shape": found.misfits,
    }
    words = [
        f"{len(names)} {what} ({', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''})"
        for what, names in problems.items()
        if names
    ]
    cure = "It is a part of a checkpoint, or a variant that is not supported; give the file as published."
    raise InputError(path, f"not every entry has its place: {'; '.join(words)}", cure)
