"""Options of a published renderer: read off its tensors, and from config.yaml where these cannot tell."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from portrait3d.errors import InputError
from portrait3d.full.config import FullConfig

CONFIG = "config.yaml"
LARGEST_CONFIG = 1_000_000  # bytes; published ones have about 10 kB
AS_PUBLISHED = "what tensors cannot tell is taken as published"
PUT_RIGHT = "Remove it, or put the right one there."

# Options of config.yaml that change the result without changing any shape: name to field of FullConfig.
ONLY_IN_CONFIG = {
    "phase1_plane_fusion_mode": "plane_fusion",
    "htbsr_head_weight_fuse_mode": "fusion",
    "htbsr_head_threshold": "head_threshold",
    "num_samples_coarse": "samples",
    "num_samples_fine": "importance_samples",
    "box_warp": "box_warp",
}
# Options that shapes decide too: the tensors are believed, a contradiction is told.
ALSO_IN_CONFIG = {
    "triplane_depth": "plane_depth",
    "triplane_hid_dim": "plane_channels",
    "img2plane_input_mode": "input_mode",
    "pncc_cond_mode": "pncc_condition",
    "torso_inp_mode": "torso_input",
    "torso_kp_num": "torso_keypoints",
    "w_dim": "w_dim",
    "large_sr": "large_sr",
}
# Options of which one value can be reproduced; the others were experiments.
ONLY_VALUE = {
    "sr_type": "vanilla",
    "ones_ws_for_sr": True,
    "flipped_to_world_coord": True,
    "mul_torso_mask": True,
    "torso_mask_dilate_ksize": 7,
    "occlusion_fuse": True,
    "mask_invalid_rays": False,
    "use_motion_smo_net": False,
    "ray_near": "auto",
    "ray_far": "auto",
}


def read_config(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """config.yaml beside a checkpoint, and what there is to say about it.

    Returns:
        The options, {} where there is no file, and sentences for the report.

    Raises:
        InputError: If the file is there but is not a list of options.
    """
    path = folder / CONFIG
    if not path.is_file():
        return {}, [f"no config.yaml beside it: {AS_PUBLISHED}"]
    try:
        import yaml
    except ModuleNotFoundError:
        return {}, [f"config.yaml was not read (pip install pyyaml): {AS_PUBLISHED}"]
    if path.stat().st_size > LARGEST_CONFIG:
        raise InputError(str(path), "it is too long for a list of options", PUT_RIGHT)
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        what = " ".join(str(error).split())[:100]
        raise InputError(str(path), f"it is not YAML: {what}", PUT_RIGHT) from None
    if not isinstance(options, dict):
        raise InputError(str(path), "it is not a list of options", PUT_RIGHT)
    return options, []


def infer_config(
    tensors: Mapping[str, Tensor], options: Mapping[str, Any], sizes: FullConfig | None = None
) -> tuple[FullConfig, list[str]]:
    """The configuration of a published renderer.

    Args:
        tensors: Published names to tensors, LoRA merged or not.
        options: config.yaml, or {}.
        sizes: Widths that no published checkpoint varies; the published ones by default.

    Returns:
        The configuration, and sentences on contradictions between config.yaml and the tensors.

    Raises:
        ValueError: If a needed tensor is missing, or an option cannot be reproduced.
    """
    found = options_of_tensors(tensors)
    contradictions = []
    for option, field in ALSO_IN_CONFIG.items():
        if option in options and field in found and options[option] != found[field]:
            said = f"config.yaml says {option}: {options[option]}, the tensors {found[field]}"
            contradictions.append(f"{said}: the tensors are right")
    for option, value in ONLY_VALUE.items():
        if option in options and options[option] != value:
            raise ValueError(f"config.yaml says {option}: {options[option]}; only {value} can be reproduced")
    # fusion v2 and v3 have the same tensors, v1 and concat others.
    for option, field in ONLY_IN_CONFIG.items():
        if option in options and field not in found:
            found[field] = options[option]
    known = {field.name for field in fields(FullConfig)}
    chosen = {name: value for name, value in found.items() if name in known}
    return replace(sizes or FullConfig(), **chosen), contradictions


def options_of_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Every option that names and shapes decide, by field of `FullConfig`.

    Raises:
        ValueError: If a tensor that decides one is missing.
    """

    def size(name: str, dimension: int) -> int:
        if name not in tensors or tensors[name].dim() <= dimension:
            raise ValueError(f"the tensor {name} is missing")
        return tensors[name].shape[dimension]

    def has(prefix: str) -> bool:
        return any(name.startswith(prefix) for name in tensors)

    def count(pattern: str) -> int:
        return len({match[1] for name in tensors if (match := re.match(pattern, name))})

    i2p, adapter, sr = "cano_img2plane_backbone.", "secc_img2plane_backbone.", "superresolution."
    large = has(f"{sr}block0.block.")
    channels = size("decoder.net.0.weight", 1)
    depth = size(f"{adapter}to_plane_cnn.7.weight", 0) / (3 * channels)
    seen = size(f"{i2p}high_reso_encoder.first.weight", 1) - 2
    camera = has(f"{i2p}camera_to_channel.")
    found: dict[str, Any] = {
        "plane_channels": channels,
        "plane_depth": int(depth),
        "input_mode": {3: "rgb", 4: "rgb_alpha", 6: "rgb_camera", 7: "rgb_alpha_camera"}.get(seen),
        "pncc_condition": {9: "cano_src_tgt", 6: "cano_tgt"}.get(size(f"{adapter}prenet.weight", 1)),
        "vit_depth": count(rf"{i2p}low_reso_vit\.block(\d+)\."),
        "predictor_depth": count(rf"{i2p}triplane_predictor_vit\.block(\d+)\."),
        "w_dim": size(f"{sr}block0.{'block.' if large else ''}conv0.affine.weight", 1),
        "large_sr": large,
        "large_sr_blocks": count(rf"{sr}block0\.resblocks\.(\d+)\."),
        "adapter_dims": tuple(size(f"{adapter}mix_vit.norm{stage}.weight", 0) for stage in (1, 2, 3, 4)),
        "adapter_depths": tuple(count(rf"{adapter}mix_vit\.block{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)),
        "has_torso": has(f"{sr}torso_model."),
    }
    if depth != int(depth) or camera != ("camera" in (found["input_mode"] or "")):
        raise ValueError(
            f"{3 * depth * channels:g} plane channels and {seen} input channels are no published sizes"
        )
    if has("plane2grid_module.") != (depth > 1):
        raise ValueError(
            f"depth {depth:g} with plane2grid missing or too many: an unpublished kind of planes"
        )
    if found["has_torso"]:
        found |= _torso_options(size, has, count)
    return {name: value for name, value in found.items() if value is not None}


def _torso_options(size: Any, has: Any, count: Any) -> dict[str, Any]:
    sr = "superresolution."
    torso = f"{sr}torso_model."
    fused, width = size(f"{sr}fuse_fg_bg_convs.0.weight", 1), size(f"{sr}torso_encoder.0.weight", 0)
    fusion = "concat" if fused == 3 * width else None if has(f"{sr}fuse_head_torso_convs.") else "v1"
    return {
        "torso_input": {3: "rgb", 5: "rgb_alpha"}.get(
            size(f"{torso}appearance_extractor.in_conv.layers.0.weight", 1)
        ),
        "torso_keypoints": size(f"{torso}motion_field_estimator.mask_conv.weight", 0) - 1,
        "torso_levels": count(rf"{torso}motion_field_estimator\.down\.(\d+)\."),
        "torso_warp": 2 if has(f"{torso}motion_field_estimator.tgt_head_encoder.") else 1,
        "fusion": fusion,
    }
