"""The published renderer, built from the user's checkout and made deterministic, to run beside ours.

    with open_checkout(Path("MimicTalk")) as checkout:
        theirs = checkout.build(FullConfig(), seed=0)           # OSAvatarSECC_Img2plane(_Torso), eval mode
        theirs = checkout.build(FullConfig(), seed=0, lora=True)  # MimicTalk only

Checkouts are https://github.com/yerfor/MimicTalk and https://github.com/yerfor/Real3DPortrait. Their modules
run as they are, on the CPU. What they import is replaced only where it is not installed, by the few names
they use; weights they fetch while they are built are not. Two things change at run time: their random offsets
of the samples along rays are zero, and importance samples lie at equal steps, as ours.
"""

import contextlib
import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import yaml
from stand_ins import stand_in_for_all
from torch import Tensor, nn

from portrait3d.full.config import FullConfig

CONFIG = "egs/os_avatar/secc_img2plane_torso.yaml"
SCALES = {2: "small", 5: "standard", 10: "large"}
MIT_SCALES = {(2, 2, 2, 2): "b0"}
PACKAGES = ("modules", "utils", "tasks", "data_util", "data_gen", "deep_3drecon")  # top names of a checkout


def read_options(file: Path) -> dict[str, Any]:
    """One of their YAML files over those it is based on, which are relative to it or to the checkout."""
    own = yaml.safe_load(file.read_text())
    bases = own.get("base_config", [])
    options: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        path = (
            file.parent / base
            if base.startswith(".")
            else Path(*file.parts[: file.parts.index("egs")]) / base
        )
        options.update(read_options(path))
    return options | own


def published_options(config: FullConfig) -> dict[str, Any]:
    """Their names and values of our options.

    Raises:
        ValueError: If the published code has no such size.
    """
    if config.vit_depth not in SCALES or config.adapter_depths not in MIT_SCALES:
        raise ValueError(f"no published size has vit_depth {config.vit_depth}, {config.adapter_depths}")
    return {
        "triplane_feature_type": "triplane" if config.plane_depth == 1 else "trigrid_v2",
        "triplane_depth": config.plane_depth,
        "triplane_hid_dim": config.plane_channels,
        "img2plane_input_mode": config.input_mode,
        "img2plane_backbone_scale": SCALES[config.vit_depth],
        "secc_segformer_scale": MIT_SCALES[config.adapter_depths],
        "pncc_cond_mode": config.pncc_condition,
        "phase1_plane_fusion_mode": config.plane_fusion,
        "neural_rendering_resolution": config.ray_grid,
        "final_resolution": config.picture_size,
        "num_samples_coarse": config.samples,
        "num_samples_fine": config.importance_samples,
        "box_warp": config.box_warp,
        "w_dim": config.w_dim,
        "large_sr": config.large_sr,
        "resblocks_in_large_sr": config.large_sr_blocks,
        "torso_model_version": f"v{config.torso_warp}",
        "torso_kp_num": config.torso_keypoints,
        "torso_inp_mode": config.torso_input,
        "weight_fuse": config.fusion != "concat",
        "htbsr_head_weight_fuse_mode": config.fusion,
        "htbsr_head_threshold": 1.0 if config.head_threshold is None else config.head_threshold,
    }


@dataclass(frozen=True)
class Checkout:
    """An open checkout.

    Attributes:
        folder: Where it is.
        has_lora: Whether it is MimicTalk.
    """

    folder: Path
    has_lora: bool

    def build(self, config: FullConfig, seed: int, *, lora: bool = False) -> nn.Module:
        """Their complete renderer of random weights (see `perturb`) in evaluation mode.

        Args:
            config: Sizes and options, as far as the published code has them.
            seed: Of the weights.
            lora: With LoRA of rank 2 in motion adapter and super-resolution, as MimicTalk adapts persons.

        Raises:
            ValueError: If the checkout has no LoRA, or no such size.
        """
        if lora and not self.has_lora:
            raise ValueError(f"{self.folder} is no checkout of MimicTalk: it has no LoRA")
        from utils.commons.hparams import hparams  # type: ignore[import-not-found]

        hparams.clear()
        hparams.update(read_options(self.folder / CONFIG) | published_options(config))
        name = "secc_img2plane_torso" if config.has_torso else "secc_img2plane"
        kind = "OSAvatarSECC_Img2plane_Torso" if config.has_torso else "OSAvatarSECC_Img2plane"
        made = getattr(importlib.import_module(f"modules.real3d.{name}"), kind)
        extra = {}
        if "lora_args" in inspect.signature(made).parameters:
            # With None they raise AttributeError; a mode that names no part does what None is meant to.
            extra["lora_args"] = {"lora_mode": "secc2plane_sr" if lora else "nowhere", "lora_r": 2}
        torch.manual_seed(seed)
        with self._nothing_fetched():
            theirs = made(hp=hparams, **extra)
        perturb(theirs, seed + 1)
        give_density(theirs.decoder.net)
        return theirs.eval()

    @contextlib.contextmanager
    def _nothing_fetched(self) -> Iterator[None]:
        encoders = importlib.import_module("modules.img2plane.deeplabv3.decoders.my_model")
        made = encoders.get_encoder

        def without_weights(name: str, **options: Any) -> Any:
            return made(name, **{**options, "weights": None})

        load = mock.patch.object(torch, "load", return_value={})
        with load, mock.patch.object(encoders, "get_encoder", without_weights):
            yield


def perturb(module: nn.Module, seed: int) -> None:
    """Change what starts at zero or one, so that every path carries signal.

    Vectors (biases, scales, alphas, statistics) are moved by 0.1 of a normal number, running variances lie in
    [0.5, 1.5], weights that are all zero become normal with the deviation of 1 / sqrt(inputs).
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict(keep_vars=True).items():
            if not value.is_floating_point() or name.endswith(("resample_filter", "noise_const", "_u", "_v")):
                continue
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5, generator=generator)
            elif value.ndim < 2:
                value.add_(0.1 * torch.randn(value.shape, generator=generator))
            elif not value.any():
                value.copy_(torch.randn(value.shape, generator=generator) / value[0].numel() ** 0.5)


def give_density(decoder: nn.Sequential, logit: float = 2.0, gain: float = 1.0) -> None:
    """Set the density that a decoder of random weights says of planes of zeros, and how steeply it varies.

    Random weights make planes that change from texel to texel as noise does. Where their density is steep as
    well, rounding a sample's place in float32 moves the published picture itself by 0.005.
    """
    hidden, out = decoder[0], decoder[2]
    with torch.no_grad():
        out.weight[0] *= gain
        rest = nn.functional.softplus(hidden.bias * hidden.bias_gain)
        out.bias[0] = logit - (out.weight[0] * out.weight_gain * rest).sum()


def without_randomness() -> None:
    """Take the random offsets out of their sampling along rays."""
    from modules.eg3ds.volumetric_rendering.renderer import ImportanceRenderer  # type: ignore[import-not-found]

    stratified, pdf = ImportanceRenderer.sample_stratified, ImportanceRenderer.sample_pdf

    def equal_steps(self: Any, *args: Any, **options: Any) -> Tensor:
        with mock.patch.object(torch, "rand_like", torch.zeros_like):
            return stratified(self, *args, **options)

    def equal_shares(self: Any, bins: Tensor, weights: Tensor, count: int) -> Tensor:
        return pdf(self, bins, weights, count, det=True)

    ImportanceRenderer.sample_stratified, ImportanceRenderer.sample_pdf = equal_steps, equal_shares


@contextlib.contextmanager
def open_checkout(folder: Path) -> Iterator[Checkout]:
    """Make the modules of a checkout importable; afterwards they are gone.

    Raises:
        FileNotFoundError: If the folder is no checkout of MimicTalk or Real3DPortrait.
    """
    folder = folder.resolve()
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"{folder} is no checkout of MimicTalk or Real3DPortrait: it has no {CONFIG}")
    stand_in_for_all()
    sys.path.insert(0, str(folder))
    try:
        without_randomness()
        yield Checkout(folder, (folder / "modules/commons/loralib").is_dir())
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
            del sys.modules[name]
