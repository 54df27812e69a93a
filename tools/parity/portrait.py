"""Beside the published renderer: how far every stage of `full`, and the finished frame, is from it.

    git clone https://github.com/yerfor/MimicTalk A     (or Real3DPortrait, without the variant "mimictalk")
    .venv/bin/python tools/parity/portrait.py A [--variants head,torso,...] [--json FILE] [--seed 0]

Both get the same random weights, through the import that users' checkpoints take, and the same pictures, PNCC
and camera. The published model draws one frame; every stage of ours is given what the published stage was
given, so errors do not add up, and then ours draws the frame on its own, from constants worked out once. All
in float32 on the CPU: a variant takes minutes.

Variants: "head" and "head_triplane" (head alone, tri-grid and tri-plane), "torso" and "torso_triplane" (the
whole picture), "mimictalk" (the whole picture, with LoRA and a learned plane), and more options of torso_*.

Prints a table and writes JSON. An error is the largest difference, relative: over the largest magnitude of
what is published. Exits 1 if a relative error is above 1e-4.
"""

import argparse
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from portrait_head import (
    Recorder,
    Stage,
    conditions,
    head_modules,
    head_stages,
    smooth_planes,
    steep_rendering_stages,
)
from portrait_torso import TorsoInputs, enliven, on_this_device, torso_inputs, torso_stages
from published_modules import Checkout, open_checkout
from rows import Row, read_arguments, row_of, show, write
from torch import Tensor, nn

from portrait3d.full.config import FullConfig
from portrait3d.full.lora_merge import merge_lora
from portrait3d.full.model import FullPortrait, Surroundings, pose_camera
from portrait3d.full.published_keys import account
from portrait3d.full.torso_motion import torso_keypoints

HEAD = FullConfig(has_torso=False)
VARIANTS = {
    "head": HEAD,
    "head_triplane": replace(HEAD, plane_depth=1),
    "head_alpha_camera": replace(
        HEAD, plane_depth=1, input_mode="rgb_alpha_camera", pncc_condition="cano_tgt"
    ),
    "head_large": replace(HEAD, vit_depth=10, predictor_depth=3, large_sr=True, large_sr_blocks=2),
    "torso": FullConfig(),
    "torso_triplane": FullConfig(plane_depth=1, torso_input="rgb_alpha"),
    "torso_v1": FullConfig(plane_depth=1, fusion="v1", torso_warp=1),
    "torso_v3": FullConfig(plane_depth=1, fusion="v3", torso_keypoints=9),
    "torso_concat": FullConfig(plane_depth=1, fusion="concat"),
    "mimictalk": replace(FullConfig(), head_threshold=1.0),
}
DEFAULT = "head,head_triplane,torso,torso_triplane"


def ours_of(theirs: nn.Module, config: FullConfig) -> FullPortrait:
    """Our model with their weights, LoRA merged as a checkpoint's would be.

    Raises:
        ValueError: If a name is not accounted for.
    """
    theirs.train()  # their evaluation mode has LoRA of plain convolutions merged already
    merged = merge_lora({name: value.clone() for name, value in theirs.state_dict().items()}).tensors
    theirs.eval()
    model = FullPortrait(config)
    found = account(merged, model.state_dict())
    if not found.complete:
        raise ValueError(f"names without a place: {found.unknown} {found.missing} {found.misfits}")
    state = model.state_dict()
    model.load_state_dict(
        {ours: merged[name].reshape(state[ours].shape) for name, ours in found.read.items()}
    )
    return model.eval()


def compare(checkout: Checkout, variant: str, seed: int) -> list[Row]:
    """All stages of one variant."""
    config = VARIANTS[variant]
    adapted = variant == "mimictalk"
    theirs = checkout.build(config, seed, lora=adapted)
    if config.has_torso:
        enliven(theirs.superresolution)
    ours = ours_of(theirs, config)
    given = conditions(config, seed + 2)
    torso = torso_inputs(config, seed + 3) if config.has_torso else None
    if adapted:  # a learned plane stands in for what image-to-plane would say
        size = (1, 3, config.plane_channels * config.plane_depth, *[config.plane_resolution] * 2)
        theirs._last_cano_planes = smooth_planes(size, seed + 4)
    seen = Recorder(theirs, head_modules(config, learned_planes=adapted))
    begin = time.perf_counter()
    with on_this_device():
        drawn = theirs(
            given["head"],
            given["camera"],
            given | published_torso(torso),
            cache_backbone=True,
            use_cached_backbone=adapted,
        )
    published_s = time.perf_counter() - begin
    stages = head_stages(ours, seen, given)
    raw, features = seen.given["superresolution"][:2]
    if torso is None:
        pair = seen.answers["superresolution"], ours.super_resolution(raw, features)
        stages.append(("super-resolution", *pair))
    else:
        fed = torso._replace(raw=raw, features=features, opacity=seen.given["superresolution"][5])
        found = torso_stages(theirs.superresolution, ours.super_resolution, config, fed)
        stages += [(stage, *pair) for stage, pair in found.items()]
    stages += end_to_end(ours, given, torso, drawn, theirs._last_cano_planes, learned=adapted)
    stages += steep_rendering_stages(theirs, ours, seen, given["camera"], seed + 5)
    print(f"{variant}: published frame {published_s:.1f} s", file=sys.stderr)
    return [row_of(variant, *stage) for stage in stages]


def published_torso(torso: TorsoInputs | None) -> dict[str, Tensor]:
    """Torso, background and key-points by published name."""
    if torso is None:
        return {}
    names = ("ref_torso_img", "segmap", "bg_img", "kp_s", "kp_d")
    return dict(zip(names, torso[3:], strict=True))


def end_to_end(
    ours: FullPortrait,
    given: dict[str, Tensor],
    torso: TorsoInputs | None,
    drawn: dict[str, Tensor],
    published_planes: Tensor,
    *,
    learned: bool,
) -> list[Stage]:
    """(stage, published, ours) of a frame that ours draws from its own constants."""
    config = ours.config
    planes = (
        published_planes
        if config.plane_depth == 1
        else published_planes.unflatten(2, (-1, config.plane_depth))
    )
    if not learned:
        planes = ours.canonical_planes(given["head"], given["ref_alphas"], given["ref_cameras"])
    surroundings, target = None, None
    if torso is not None:
        source, target = (
            torso_keypoints(each, config.torso_keypoints) for each in (torso.source, torso.target)
        )
        mask = torso.segmentation[:, [2, 4]]
        surroundings = Surroundings(torso.torso, mask, torso.background, source)
    person = ours.person(planes, given["cond_cano"], given["cond_src"], surroundings)
    frame = ours(person, given["cond_tgt"], *pose_camera(given["camera"]), target)
    return [
        ("end to end: canonical planes", published_planes, planes),
        ("end to end: moved planes", drawn["plane"], ours.moved_planes(person, given["cond_tgt"])),
        ("end to end: raw head", drawn["image_raw"], frame.head.raw.clamp(-1, 1)),
        ("end to end: picture", drawn["image"], frame.picture),
    ]


def main() -> int:
    """Compare the wanted variants, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="checkout of MimicTalk or Real3DPortrait")
    args, wanted = read_arguments(parser, list(VARIANTS), DEFAULT)
    warnings.simplefilter("ignore")  # theirs, of old PyTorch
    rows: list[Row] = []
    with open_checkout(args.checkout) as checkout, torch.no_grad():
        for variant in wanted:
            found = compare(checkout, variant, args.seed)
            rows += found
            for row in found:
                show(row)
            if args.json:
                write(args.json, rows)
    return int(not all(row.holds for row in rows))


if __name__ == "__main__":
    sys.exit(main())
