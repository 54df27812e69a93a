"""`FullPortrait` as the head stages see a model."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.errors import InputError
from portrait3d.full.config import FullConfig
from portrait3d.full.head_renderer import render_head
from portrait3d.full.model import FullPortrait
from portrait3d.full.storage import read_weights
from portrait3d.full.super_resolution import SuperResolution
from portrait3d.head_bounds import Window
from portrait3d.model import HeadLayer
from triplane_render import PlaneLayout, decode_reference, sample_planes


@dataclass(frozen=True)
class FullTraineeConfig:
    """What stages ask of a config."""

    picture_size: int
    pncc_size: int
    ray_grid: int
    box_warp: float
    adapter_from_rest: bool = False


class FullMotion(nn.Module):
    """The published motion adapter, called as `small`'s is."""

    def __init__(self, model: FullPortrait) -> None:
        super().__init__()
        self.adapter = model.motion_adapter

    def forward(self, canonical: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """(1, 3, S, S), (1, 3, S, S), (B, 3, S, S) PNCC -> diff-planes of B expressions."""
        still = self.adapter.still(canonical, source)
        diff: Tensor = self.adapter(still.expand(len(target), -1, -1, -1), target)
        return diff


class FullTrainee(nn.Module):
    """Head stages of `full`: image-to-plane and motion with the plain super-resolution.

    Args:
        model: Without torso (`FullConfig.has_torso` False); its weights are the ones that learn.

    Raises:
        ValueError: If the model draws a torso; the head is trained first, as published.
    """

    def __init__(self, model: FullPortrait) -> None:
        super().__init__()
        if not isinstance(model.super_resolution, SuperResolution):
            raise ValueError("the head stages train FullConfig(has_torso=False), got a model with torso")
        if model.config.plane_fusion != "add":
            raise ValueError(
                f"the head stages add diff-planes, got plane_fusion {model.config.plane_fusion!r}"
            )
        sizes: FullConfig = model.config
        self.full_config = sizes
        self.config = FullTraineeConfig(
            sizes.picture_size, sizes.picture_size, sizes.ray_grid, sizes.box_warp
        )
        self.image_to_plane, self.decoder = model.image_to_plane, model.decoder
        self.plane_grid, self.super_resolution = model.plane_grid, model.super_resolution
        self.motion_adapter = FullMotion(model)
        self._model = [model]  # in a list, so that its modules are registered once

    @property
    def model(self) -> FullPortrait:
        """The model that learns."""
        return self._model[0]

    def predict_planes(self, head: Tensor, camera_to_world: Tensor, intrinsics: Tensor) -> Tensor:
        """Canonical planes of pictures (B, 3, any, any) in [-1, 1]."""
        size = (self.config.picture_size, self.config.picture_size)
        if head.shape[-2:] != size:
            head = F.interpolate(head, size, mode="bilinear", align_corners=False, antialias=True)
        mode = self.full_config.input_mode
        alpha = (head.amax(1, keepdim=True) > -1).to(head) if "alpha" in mode else None
        camera = (
            torch.cat([camera_to_world.flatten(1), intrinsics.flatten(1)], 1) if "camera" in mode else None
        )
        return self.model.canonical_planes(head, alpha, camera)

    def add_diff(self, planes: Tensor, diff: Tensor) -> Tensor:
        """Planes with a diff-plane of the same shape."""
        return planes + diff

    def densities(self, planes: Tensor, points: Tensor) -> Tensor:
        """Densities (B, M) before their softplus at world points (B, M, 3)."""
        features = sample_planes(planes, points, PlaneLayout.EG3D, self.config.box_warp)
        return decode_reference(self.decoder.weights(), features)[0]

    def head_window(self, camera_to_world: Tensor, intrinsics: Tensor) -> Window:
        """All of the picture: the published super-resolution draws whole pictures."""
        return Window(0, 0, self.config.ray_grid, self.config.ray_grid)

    def render_head(
        self, planes: Tensor, camera_to_world: Tensor, intrinsics: Tensor, window: Window | None = None
    ) -> HeadLayer:
        """One frame's head; alpha is the volume's opacity, enlarged.

        Raises:
            ValueError: If a part of the picture is asked for.
        """
        whole = self.head_window(camera_to_world, intrinsics)
        if window not in (None, whole):
            raise ValueError(f"full draws whole pictures: sampling.window must be 0, got {window}")
        head = render_head(planes.float(), self.decoder, camera_to_world, intrinsics, self.full_config)
        picture = self.super_resolution(head.raw, head.features)
        size = (self.config.picture_size, self.config.picture_size)
        alpha = F.interpolate(head.opacity, size, mode="bilinear", align_corners=False)
        return HeadLayer(whole, head.raw * 0.5 + 0.5, head.opacity, picture.float() * 0.5 + 0.5, alpha)


def build_full(changes: dict[str, Any], seed: int, start: Path | None) -> FullTrainee:
    """A `full` head to train, random or with weights whose torso is left out; see `full_portrait`."""
    return FullTrainee(full_portrait(changes, seed, start, has_torso=False))


def full_portrait(changes: dict[str, Any], seed: int, start: Path | None, *, has_torso: bool) -> FullPortrait:
    """A `FullPortrait` with random weights in the place of those that are not given.

    Args:
        changes: Fields of `FullConfig` that differ from the published ones, or from the weights'.
        seed: Of random weights.
        start: Folder written by `full.storage.write_weights`, or None.
        has_torso: Of the result, whatever the weights have.

    Raises:
        InputError: If sizes and weights do not fit.
    """
    state: dict[str, Tensor] = {}
    config = FullConfig()
    if start is not None:
        config, state, _ = read_weights(start)
    try:
        config = replace(config, **{**changes, "has_torso": has_torso})
    except (TypeError, ValueError) as error:
        raise InputError("[model]", str(error), "See FullConfig for the sizes there are.") from None
    torch.manual_seed(seed)
    model = FullPortrait(config)
    own = model.state_dict()
    fitting = {name: value for name, value in state.items() if name in own}
    wrong = [name for name, value in fitting.items() if own[name].shape != value.shape]
    if wrong:
        cause = f"{len(wrong)} tensors do not fit the sizes in [model], the first is {wrong[0]}"
        raise InputError(str(start), cause, "Leave these sizes away, or begin without weights.")
    model.load_state_dict({**own, **fitting})
    return model
