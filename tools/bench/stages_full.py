"""Where the time of the preset `full` goes, in a frame and in a step of learning, and how near stages are to their floors.

    .venv/bin/python tools/bench/stages_full.py [--rounds 3] [--keep FILE.json]     # some ten minutes, 12 GB

Random weights of the published shapes, one thread; floors and rates as in `tools/bench/stages.py`. A frame's networks
are in bfloat16 where this machine multiplies it, as `render` has them, and the rest is in float32; so is a step of
`adapt`. A network's stages are its modules, each run alone on what it got in a whole frame.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parity"))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from portrait_head import conditions
from portrait_torso import torso_inputs

from bench.figures import Figure, report
from bench.stages import Clock
from portrait3d.clip import PortraitClip
from portrait3d.full.adaptation import WEIGHTS, FullAdaptation
from portrait3d.full.adaptation_terms import frame_terms
from portrait3d.full.config import FullConfig
from portrait3d.full.folding import fold
from portrait3d.full.head_renderer import render_head
from portrait3d.full.model import FullPortrait, Surroundings, pose_camera
from portrait3d.full.torso_motion import torso_keypoints
from portrait3d.precision import network_dtype, networks_in

CONFIG = FullConfig()
PARTS = {  # modules of the head-torso-background model, in the order of a frame
    "torso warp": "torso_warp",
    "torso encoder": "torso_encoder",
    "first block": "block0",
    "fusing head and torso": "fuse_head_torso",
    "head and torso block": "head_torso_block",
    "alpha": "head_alpha",
    "fusing background": "fuse_background",
    "last block": "block1",
}


def seen_by(model: nn.Module, run: Any) -> dict[str, tuple[nn.Module, tuple[Any, ...]]]:
    """What each of PARTS got in a run: name, module and arguments."""
    found: dict[str, tuple[nn.Module, tuple[Any, ...]]] = {}
    hooks = []
    for name, place in PARTS.items():
        module = getattr(model, place, None)
        if module is not None:
            keep = lambda module, given, name=name: found.__setitem__(name, (module, given))  # noqa: E731
            hooks.append(module.register_forward_pre_hook(keep))
    run()
    for hook in hooks:
        hook.remove()
    return {name: found[name] for name in PARTS if name in found}


def decoded(config: FullConfig, decoder: nn.Module, window: int) -> float:
    """GFLOP of the decoder in the fused renderer."""
    weights = sum(value.numel() for value in decoder.parameters() if value.ndim == 2)
    samples = config.samples + config.importance_samples
    return 2e-9 * weights * window * samples


def drawing(rounds: int, config: FullConfig = CONFIG) -> list[Figure]:
    """Stages of one frame of `render --preset full`."""
    torch.manual_seed(0)
    given, torso, clock = conditions(config, 1), torso_inputs(config, 2), Clock()
    with torch.no_grad():  # torch counts no operations in inference mode with networks in bfloat16
        model = fold(FullPortrait(config).eval())
        source, target = (torso_keypoints(each, config.torso_keypoints) for each in torso[-2:])
        around = Surroundings(torso.torso, torso.segmentation[:, [2, 4]], torso.background, source)
        planes = model.canonical_planes(given["head"])
        model.drop_image_to_plane()
        person, camera = (
            model.person(planes, given["cond_cano"], given["cond_src"], around),
            pose_camera(given["camera"]),
        )
        device = planes.device

        def networks() -> AbstractContextManager[object]:
            return networks_in(network_dtype("auto", device), device)

        moved = model.moved_planes(person, given["cond_tgt"])
        head = render_head(moved, model.decoder, *camera, config)
        points = source, target

        def network() -> Any:
            with networks():
                surroundings = person.surroundings
                return model.super_resolution(
                    head.raw, head.features, head.opacity, *points, surroundings
                ).picture

        parts = seen_by(model.super_resolution, network)
        rays = decoded(config, model.decoder, head.opacity.numel())
        for _ in range(rounds):
            clock.take("motion adapter", lambda: model.moved_planes(person, given["cond_tgt"]))
            clock.take("rays", lambda: render_head(moved, model.decoder, *camera, config), counted=rays)
            took = 0.0
            for name, (module, arguments) in parts.items():
                with networks():
                    clock.take(name, lambda m=module, a=arguments: m(*a))
                took += clock.taken[name][-1]
            began = time.process_time()
            network()
            rest = 1e3 * (time.process_time() - began) - took
            clock.taken.setdefault("composition", []).append(max(rest, 0.0))
            clock.work["composition"] = (0.0, 0.0)
    return list(clock.figures("full render"))


def clip_of(config: FullConfig, frames: int = 2) -> PortraitClip:
    """Pictures of nobody: how long a step takes does not depend on what is seen."""
    size, points = config.picture_size, config.torso_keypoints
    given = conditions(config, 1)
    to_world, intrinsics = pose_camera(given["camera"])
    masks = (given["ref_alphas"][0] * 255).to(torch.uint8).expand(frames, -1, -1)
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)

    return PortraitClip(
        frames=noise(frames, size, size, 3),
        head_mask=masks,
        torso_mask=255 - masks,
        pncc=noise(frames, 3, size, size),
        canonical_pncc=noise(3, size, size),
        camera_to_world=to_world.expand(frames, -1, -1),
        intrinsics=intrinsics.expand(frames, -1, -1),
        keypoints=torch.rand(frames, points, 3, generator=generator) - 0.5,
        focus=torch.tensor([[0.5, 0.6], [0.4, 0.4], [0.6, 0.4]]).expand(frames, -1, -1),
        opening=torch.linspace(0, 1, frames),
        background=noise(size, size, 3),
        confidence=torch.ones(frames),
    )


def learning(rounds: int, config: FullConfig = CONFIG) -> list[Figure]:
    """Stages of one step of `adapt --preset full`."""
    from mimictalk.full_recipe import FullRecipe
    from mimictalk_adapt.lora import inject, lora_parameters

    torch.manual_seed(0)
    backbone, clock = FullAdaptation(FullPortrait(config).eval(), clip_of(config), 0), Clock()
    settings = FullRecipe().config(None, 0)
    inject(backbone.network, backbone.lora_targets(), r=settings.r, lora_alpha=settings.lora_alpha, seed=0)
    statics = [parameter for parameter, _ in backbone.static_parameters().values()]
    learned = [*lora_parameters(backbone.network).values(), *statics]
    adam, shown = torch.optim.Adam(learned, lr=1e-6, fused=True), backbone.shown(1)
    kept: dict[str, Any] = {}

    def draw() -> None:
        kept["frame"] = backbone.drawn(backbone.layers(), shown)

    def judge() -> None:
        terms = frame_terms(kept["frame"], shown)
        kept["loss"] = torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()

    def back() -> None:
        found = torch.autograd.grad(kept["loss"], learned, retain_graph=True, allow_unused=True)
        for parameter, gradient in zip(learned, found, strict=True):
            parameter.grad = gradient

    for _ in range(rounds):
        for name, work in (("drawing", draw), ("loss", judge), ("backward", back), ("Adam", adam.step)):
            clock.take(name, work, counted=_rays(backbone) if name == "drawing" else 0.0)
    return list(clock.figures("full adapt"))


def _rays(backbone: FullAdaptation) -> float:
    config = backbone.model.config
    return decoded(config, backbone.model.decoder, config.ray_grid**2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="write the result to this file")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    report("stages_full", 0, [*drawing(asked.rounds), *learning(asked.rounds)], asked.keep)


if __name__ == "__main__":
    main()
