"""A small scene that every part of the renderer can be tried on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from triplane_render import DecoderWeights, Rays, RenderOutput, intersect_box, render_planes_reference


@dataclass(frozen=True)
class Scene:
    """Planes, decoder tensors and rays that cross the box, some from outside its corners."""

    planes: Tensor
    decoder: tuple[Tensor, Tensor, Tensor, Tensor]
    rays: Rays
    near: Tensor
    far: Tensor

    def to(self, dtype: torch.dtype) -> "Scene":
        return Scene(
            self.planes.to(dtype),
            tuple(part.to(dtype) for part in self.decoder),
            Rays(self.rays.origins.to(dtype), self.rays.directions.to(dtype)),
            self.near.to(dtype),
            self.far.to(dtype),
        )


@dataclass(frozen=True)
class Result:
    """Outputs of a render and the gradients of a random weighing of them."""

    output: RenderOutput
    gradients: dict[str, Tensor]

    def tensors(self) -> dict[str, Tensor]:
        out = self.output
        return {"features": out.features, "depth": out.depth, "opacity": out.opacity} | self.gradients


def make_scene(
    seed: int = 0,
    batch: int = 1,
    rays: int = 9,
    channels: int = 5,
    hidden: int = 7,
    features: int = 3,
    size: tuple[int, ...] = (6, 8),
) -> Scene:
    """A random scene in float64; `size` is (H, W) or (D, H, W)."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    decoder = (
        normal(hidden, channels),
        normal(hidden),
        normal(1 + features, hidden) / hidden**0.5,
        normal(1 + features),
    )
    decoder[3][0] += 2.0  # dense enough for light to fade inside the box
    origins = torch.nn.functional.normalize(normal(batch, rays, 3), dim=-1) * 1.5
    directions = torch.nn.functional.normalize(normal(batch, rays, 3) * 0.25 - origins, dim=-1)
    near, far = intersect_box(origins, directions, side=1.2)
    return Scene(normal(batch, 3, channels, *size), decoder, Rays(origins, directions), near, far)


def render(
    scene: Scene,
    how: Callable[..., RenderOutput] = render_planes_reference,
    activation: str = "sigmoid",
    **march: object,
) -> Result:
    """Render and differentiate; the weighing depends on shapes alone."""
    leaves = dict(zip(("planes", "w1", "b1", "w2", "b2"), (scene.planes, *scene.decoder), strict=True))
    leaves = {name: leaf.detach().clone().requires_grad_() for name, leaf in leaves.items()}
    planes, *decoder = leaves.values()
    weights = DecoderWeights(*decoder, feature_activation=activation)
    output = how(planes, weights, scene.rays, near=scene.near, far=scene.far, **march)
    draw = torch.Generator().manual_seed(99)
    loss = torch.zeros((), dtype=planes.dtype)
    for part in (output.features, output.depth, output.opacity):
        weighing = torch.randn(part.shape, generator=draw, dtype=torch.float64).to(part.dtype)
        loss = loss + torch.where(part.isfinite(), part * weighing, 0).sum()
    if loss.requires_grad:  # the reference of an empty batch does not
        loss.backward()
    empty = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    gradients = {
        f"grad_{name}": leaf.grad if leaf.grad is not None else empty[name] for name, leaf in leaves.items()
    }
    detached = RenderOutput(output.features.detach(), output.depth.detach(), output.opacity.detach())
    return Result(detached, gradients)
