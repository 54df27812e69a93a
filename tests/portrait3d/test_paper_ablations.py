"""Parts that stand in for others in the paper's ablations."""

from dataclasses import replace

import pytest
import torch

from ball_portrait import TINY, ball_clip
from portrait3d.head_bounds import Window
from portrait3d.keypoint_detector import SHARPNESS, KeypointDetector
from portrait3d.model import HeadLayer, Portrait3D
from portrait3d.torso_layer import torso_layer


def test_key_points_are_the_centre_of_their_heat() -> None:
    """One filter that answers to bright pixels alone: the key-point lies where the bright spot is."""
    detector = KeypointDetector(1, 2)
    with torch.no_grad():
        for layer in detector.layers:
            if hasattr(layer, "weight"):
                layer.weight.zero_()
                layer.bias.zero_()
                middle = layer.kernel_size[0] // 2
                layer.weight[0, 0, middle, middle] = 1
        detector.layers[-1].weight *= 100 / SHARPNESS
        head = torch.full((1, 3, 128, 128), -1.0)
        head[:, :, 24:40, 88:104] = 1.0  # rows 24..39, columns 88..103 of 128
        found = detector(head)[0, 0]
    assert found.tolist() == pytest.approx([96 / 64 - 1, 32 / 64 - 1], abs=0.04)


def test_concat_looks_at_no_alpha() -> None:
    torch.manual_seed(0)
    portrait = Portrait3D(replace(TINY, fusion="concat"))
    colour, back = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 128, 128)
    window = Window(0, 0, 2, 2)
    pictures = [
        portrait.compose(HeadLayer(window, colour, alpha, colour, alpha), back)
        for alpha in (torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8))
    ]
    assert torch.equal(*pictures)
    assert "concat_fusion.first.weight" in portrait.state_dict()


def test_without_inpainting_nothing_lies_under_the_head() -> None:
    clip = ball_clip(1)
    torso = torch.zeros_like(clip.head_mask[0])
    torso[100:] = 255
    torso[clip.head_mask[0] > 0] = 0
    known, bare = (
        torso_layer(clip.frames[0], torso, clip.head_mask[0], inpaint) for inpaint in (True, False)
    )
    head = clip.head_mask[0] > 0
    assert float(bare[3][head].max()) == 0.0
    assert float(known[3][head].max()) == 1.0
    assert torch.equal(bare[3], torso / 255)


@pytest.mark.parametrize(
    ("field", "value"), [("fusion", "mix"), ("encoder_aligned", 1), ("torso_keypoint_source", None)]
)
def test_choices_are_quoted(field, value) -> None:
    with pytest.raises(ValueError, match=f"PortraitConfig.{field} must be .* got {value!r}"):
        replace(TINY, **{field: value})


def test_the_picture_needs_room_in_planes_and_decoder() -> None:
    with pytest.raises(ValueError, match="got 3 and 8"):
        replace(TINY, encoder_aligned=True, plane_channels=3)
