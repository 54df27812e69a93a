"""The operator as torch sees it: schema, gradient, tracing."""

import pytest
import torch

from random_scene import make_scene
from triplane_render import DecoderWeights, Rays, render_planes
from triplane_render._ops import _render
from triplane_render.planes import PlaneLayout

AXES = [axis for plane in PlaneLayout.EG3D.axes for axis in plane]


def arguments(requires_grad: bool, choices: list[int]) -> tuple[object, ...]:
    scene = make_scene(rays=3, channels=2, hidden=3, features=2, size=(3, 4))
    leaves = [scene.planes, *scene.decoder]
    leaves = [leaf.detach().clone().requires_grad_(requires_grad) for leaf in leaves]
    rays = [scene.rays.origins, scene.rays.directions, scene.near, scene.far]
    return leaves[0], leaves[1:], rays, AXES, [1.0, 0.0], choices, None


@pytest.mark.parametrize("requires_grad", [False, True])
def test_opcheck(requires_grad: bool) -> None:
    torch.library.opcheck(_render, arguments(requires_grad, [4, 0, 0, 0, 0, 0]))


@pytest.mark.parametrize("choices", [[5, 0, 0, 0, 0, 0], [5, 0, 1, 0, 1, 0], [5, 0, 0, 1, 0, 0]])
def test_gradcheck(choices: list[int]) -> None:
    planes, decoder, *rest = arguments(True, choices)

    def call(planes: torch.Tensor, *decoder: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return _render(planes, list(decoder), *rest)

    assert torch.autograd.gradcheck(call, (planes, *decoder))


def test_gradients_that_nobody_wants_are_not_made() -> None:
    scene = make_scene()
    frozen = DecoderWeights(*scene.decoder)
    planes = scene.planes.clone().requires_grad_()
    out = render_planes(planes, frozen, scene.rays, near=scene.near, far=scene.far, samples=5)
    out.opacity.sum().backward()
    assert bool(planes.grad.any()) and all(part.grad is None for part in scene.decoder)
    learned = [part.clone().requires_grad_() for part in scene.decoder]
    out = render_planes(
        scene.planes, DecoderWeights(*learned), scene.rays, near=scene.near, far=scene.far, samples=5
    )
    out.opacity.sum().backward()
    assert all(bool(part.grad.any()) for part in (learned[0], learned[1]))


def test_compiles_without_a_break() -> None:
    scene = make_scene()

    def picture(planes: torch.Tensor, origins: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        out = render_planes(
            planes * 2, DecoderWeights(*scene.decoder), Rays(origins, directions),
            near=scene.near, far=scene.far, samples=6,
        )  # fmt: skip
        return out.features + out.opacity[..., None]

    inputs = (scene.planes, scene.rays.origins, scene.rays.directions)
    compiled = torch.compile(picture, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(*inputs), picture(*inputs))
