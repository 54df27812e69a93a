"""The published sizes, and values that are refused with themselves quoted."""

import json

import pytest

from portrait3d.full.config import FullConfig


def test_the_defaults_are_the_published_sizes():
    config = FullConfig()
    assert (config.plane_channels, config.plane_depth, config.plane_resolution) == (32, 3, 256)
    assert (config.picture_size, config.ray_grid, config.samples, config.importance_samples) == (
        512,
        128,
        48,
        48,
    )
    assert (config.adapter_dims, config.adapter_heads) == ((32, 64, 160, 256), (1, 2, 5, 8))


def test_json_and_back():
    config = FullConfig(plane_depth=1, adapter_depths=(3, 4, 6, 3), head_threshold=None)
    assert FullConfig(**json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("options", "quoted"),
    [
        ({"fusion": "v9"}, "'v9'"),
        ({"torso_keypoints": 5}, "5"),
        ({"plane_depth": 0}, "0"),
        ({"box_warp": 0.0}, "0.0"),
        ({"head_threshold": 1.5}, "1.5"),
        ({"has_torso": 1}, "1"),
        ({"adapter_dims": (8, 8, 8)}, "(8, 8, 8)"),
        ({"adapter_dims": (32, 64, 160, 250)}, "250"),
        ({"picture_size": 100}, "100"),
        ({"ray_grid": 64}, "64"),
    ],
)
def test_what_is_out_of_range_is_refused_and_quoted(options, quoted):
    with pytest.raises(ValueError) as caught:
        FullConfig(**options)
    assert quoted in str(caught.value)


def test_a_box_smaller_than_one_is_allowed():
    assert FullConfig(box_warp=0.5).box_warp == 0.5
