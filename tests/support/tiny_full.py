"""The published architecture at tiny widths, and checkpoints of it under the published names."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from portrait3d.full.config import FullConfig
from portrait3d.full.lora_merge import A, B
from portrait3d.full.model import FullPortrait, Surroundings
from portrait3d.full.published_keys import our_name
from published_lists import shapes

TINY = FullConfig(
    plane_channels=4,
    plane_resolution=32,
    picture_size=64,
    ray_grid=16,
    samples=4,
    importance_samples=4,
    decoder_hidden=8,
    w_dim=8,
    vit_dim=16,
    resnet_width=4,
    aspp_width=8,
    feature_width=8,
    detail_width=8,
    mixing_width=8,
    adapter_dims=(8, 8, 10, 8),
    adapter_width=8,
    sr_width=16,
    torso_width=8,
    torso_channels=4,
    torso_depth=4,
    torso_levels=2,
)
TINY_TRIPLANE = replace(TINY, plane_depth=1)
TINY_HEAD = replace(TINY, has_torso=False)


def random_portrait(config: FullConfig, seed: int = 0) -> FullPortrait:
    """Random weights where nothing is zero or one, statistics included, in evaluation mode."""
    torch.manual_seed(seed)
    model = FullPortrait(config)
    with torch.no_grad():
        for name, value in model.state_dict(keep_vars=True).items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif name.endswith("num_batches_tracked"):
                value.fill_(7)
            elif value.ndim < 2 and not name.endswith(("_u", "_v")):
                value.add_(0.1 * torch.randn(value.shape))
    return model.eval()


def published_state(model: FullPortrait) -> dict[str, Tensor]:
    """The state of a model as its published twin would hold it, entries that are not needed included."""
    ours = model.state_dict()
    found = {}
    for name in shapes("renderer"):
        new = our_name(name)
        if new in ours:
            found[name] = ours[new].clone()
        elif belongs(name, model.config):
            found[name] = torch.ones(2)
    return found


def belongs(name: str, config: FullConfig) -> bool:
    """Whether an entry that is not needed is in the published model of this configuration."""
    if name.startswith(("superresolution.head_torso", "superresolution.torso", "superresolution.bg_")):
        return config.has_torso and ".motion_field_estimator." not in name
    if name.startswith("superresolution.fuse"):
        return config.has_torso
    return not name.startswith("plane2grid_module.")


def with_lora(state: dict[str, Tensor], rank: int = 2) -> dict[str, Tensor]:
    """The state with random LoRA in the layers where MimicTalk has it."""
    found = dict(state)
    for name in shapes("lora"):
        if name.endswith(A):
            weight = state[name.removesuffix(A) + ".weight"]
            kernel = weight.shape[-1] if weight.dim() > 2 else 1
            found[name] = 0.1 * torch.randn(rank * kernel, weight.shape[1] * kernel)
            found[name.removesuffix(A) + B] = torch.randn(weight.shape[0] * kernel, rank * kernel)
        elif ".conv." in name:
            found[name] = state[name.replace(".conv.", ".")].clone()
    return found


def draw(model: nn.Module, seed: int = 0) -> Tensor:
    """A frame (1, 3, S, S) of a random person."""
    config = model.config
    generator = torch.Generator().manual_seed(seed)

    def picture(channels: int = 3) -> Tensor:
        return torch.rand(1, channels, config.picture_size, config.picture_size, generator=generator) * 2 - 1

    pose = torch.tensor([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 2.7], [0, 0, 0, 1]])[None]
    intrinsics = torch.tensor([[4.26, 0, 0.5], [0, 4.26, 0.5], [0, 0, 1]])[None]
    keypoints = torch.rand(2, 1, config.torso_keypoints, 2, generator=generator) - 0.5
    surroundings = Surroundings(picture(), picture(2) * 0.5 + 0.5, picture(), keypoints[0])
    with torch.inference_mode():
        planes = model.canonical_planes(picture())
        person = model.person(planes, picture(), picture(), surroundings if config.has_torso else None)
        return model(person, picture(), pose, intrinsics, keypoints[1]).picture
