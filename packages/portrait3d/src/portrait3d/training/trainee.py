"""What the stages need of a portrait model, whatever its size."""

from typing import Any, Protocol

from torch import Tensor, nn

from portrait3d.head_bounds import Window
from portrait3d.model import HeadLayer

# Modules that each stage trains, those that a model has.
TRAINED = {
    "i2p": ("image_to_plane", "plane_grid", "decoder", "super_resolution"),
    "motion": ("motion_adapter", "decoder", "super_resolution", "image_to_plane", "plane_grid"),
    "torso": ("torso_warp", "keypoint_detector", "concat_fusion", "super_resolution"),
}


class Trainee(Protocol):
    """A portrait model as the head stages see it; `Portrait3D` and `full.training.FullTrainee` satisfy it.

    The methods' arguments are those of `Portrait3D`.
    """

    config: Any
    motion_adapter: nn.Module

    def predict_planes(self, head: Tensor, camera_to_world: Tensor, intrinsics: Tensor) -> Tensor:
        """Canonical planes of a picture."""
        ...

    def add_diff(self, planes: Tensor, diff: Tensor) -> Tensor:
        """Planes with a diff-plane."""
        ...

    def densities(self, planes: Tensor, points: Tensor) -> Tensor:
        """Densities at points before their softplus."""
        ...

    def head_window(self, camera_to_world: Tensor, intrinsics: Tensor) -> Window:
        """The window of one frame's picture that holds the head."""
        ...

    def render_head(
        self, planes: Tensor, camera_to_world: Tensor, intrinsics: Tensor, window: Window | None = None
    ) -> HeadLayer:
        """One frame's head."""
        ...


def modules_of(model: nn.Module, stage: str) -> dict[str, nn.Module]:
    """Name -> module that a stage trains."""
    found = {name: getattr(model, name, None) for name in TRAINED[stage]}
    return {name: module for name, module in found.items() if isinstance(module, nn.Module)}
