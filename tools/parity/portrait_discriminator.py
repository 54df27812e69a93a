"""The published dual discriminator beside ours: same random weights, pictures and camera, stage by stage.

    python tools/parity/portrait_discriminator.py PATH_TO_CHECKOUT [--size 512] [--seed 0]

The checkout is MimicTalk or Real3DPortrait. Progress goes to stderr, one JSON object to stdout.
"""

import argparse
import importlib
import json
import re
import sys
from pathlib import Path

import torch
from published_modules import CONFIG, open_checkout, perturb, read_options
from torch import Tensor, nn

from portrait3d.dual_discriminator import DiscriminatorConfig, DualDiscriminator

BAR = 1e-4
LAST = {"conv": "last_conv", "fc": "last_linear", "out": "out"}


def our_name(name: str, config: DiscriminatorConfig) -> str:
    """Their name of a weight -> ours."""
    if name.startswith(f"b{config.picture_size}.fromrgb."):
        return name.replace(f"b{config.picture_size}.fromrgb", "from_pictures")
    if match := re.match(r"b4\.(\w+)\.", name):
        return name.replace(match[0], f"{LAST[match[1]]}.")
    if match := re.match(r"b(\d+)\.", name):
        return name.replace(match[0], f"blocks.{config.sides.index(int(match[1]))}.")
    return re.sub(r"^mapping\.fc(\d+)\.", r"mapping.layers.\1.", name)


def copied(theirs: nn.Module, config: DiscriminatorConfig) -> DualDiscriminator:
    """Ours with their weights; every one of either must have its place."""
    state = {
        our_name(name, config): value
        for name, value in theirs.state_dict().items()
        if not name.endswith("resample_filter")
    }
    ours = DualDiscriminator(config)
    ours.load_state_dict(state)
    return ours.eval()


def relative(theirs: Tensor, ours: Tensor) -> float:
    return float((theirs - ours).abs().max() / theirs.abs().max())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--size", type=int, default=512, help="side of the pictures")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    config = DiscriminatorConfig(picture_size=arguments.size)
    with open_checkout(arguments.checkout) as checkout:
        hparams = importlib.import_module("utils.commons.hparams").hparams
        hparams.clear()
        hparams.update(read_options(checkout.folder / CONFIG))
        hparams.update(final_resolution=config.picture_size, disc_c_noise=0, disc_cond_mode="none")
        torch.manual_seed(arguments.seed)
        theirs = importlib.import_module("modules.eg3ds.models.dual_discriminator").DualDiscriminator().eval()
        perturb(theirs, arguments.seed + 1)
        ours = copied(theirs, config)
        size = config.picture_size
        picture, raw = torch.rand(4, 3, size, size) * 2 - 1, torch.rand(4, 3, size // 4, size // 4) * 2 - 1
        camera = torch.randn(4, 25)
        features: tuple[list[Tensor], list[Tensor]] = ([], [])
        for block in ours.blocks:
            block.register_forward_hook(lambda _, given, out: features[1].append(out))
        with torch.no_grad():
            print("running theirs", file=sys.stderr)
            expected = theirs({"image": picture, "image_raw": raw}, camera, feature_maps=features[0])
            print("running ours", file=sys.stderr)
            got = ours(picture, raw, camera)
    names = [f"features at {side // 2}" for side in config.sides] + ["logits"]
    stages = dict(zip(names, map(relative, [*features[0], expected], [*features[1], got]), strict=True))
    counts = [sum(p.numel() for p in module.parameters()) for module in (theirs, ours)]
    holds = max(stages.values()) <= BAR and counts[0] == counts[1]
    print(json.dumps({"relative_error": stages, "parameters": counts, "bar": BAR, "holds": holds}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
