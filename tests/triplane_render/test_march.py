"""Settings of a march, and the check of a scene."""

import pytest
import torch

from random_scene import make_scene
from triplane_render import DecoderWeights, InputError, Rays, render_planes
from triplane_render.march import March


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"samples": 0}, "samples: must be >= 1 here, got 0"),
        ({"samples": 1, "rule": "midpoint"}, "must be >= 2"),
        ({"samples": 3, "rule": "midpoint", "importance_samples": 2}, "must be >= 4"),
        ({"samples": 8, "importance_samples": 2}, "need rule 'midpoint', got 'alpha'"),
        ({"samples": 8, "importance_samples": -1}, "must be >= 0, got -1"),
        ({"samples": 8, "box_warp": 0.0}, "box_warp"),
        ({"samples": 8, "stop_transmittance": 1.0}, r"must be in \[0, 1\), got 1.0"),
        ({"samples": 8, "density_activation": "exp"}, "'exp' is not known"),
    ],
)
def test_bad_settings_are_quoted(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        March(**settings)


def test_where_samples_lie() -> None:
    near, far = torch.tensor([1.0]), torch.tensor([2.0])
    assert March(4).depths(near, far).tolist() == [[1.125, 1.375, 1.625, 1.875]]  # centres of quarters
    assert March(3, rule="midpoint").depths(near, far).tolist() == [[1.0, 1.5, 2.0]]  # ends and between


def test_what_does_not_fit_is_named() -> None:
    scene = make_scene()
    decoder = DecoderWeights(*scene.decoder)

    def render(planes: torch.Tensor = scene.planes, rays: Rays = scene.rays, near: object = 0.5) -> None:
        render_planes(planes, decoder, rays, near=near, far=2.0, samples=4)

    with pytest.raises(InputError, match="rays: batch 1 is not that of planes, 2"):
        render(scene.planes.expand(2, -1, -1, -1, -1))
    with pytest.raises(InputError, match="takes 5 channels, planes have 4"):
        render(scene.planes[:, :, :4])
    with pytest.raises(InputError, match=r"rays: is torch\.float32"):
        render(rays=Rays(scene.rays.origins.float(), scene.rays.directions.float()))
    with pytest.raises(InputError, match=r"near: must be a number or \(1, 9\), got \(9,\)"):
        render(near=torch.zeros(9))
