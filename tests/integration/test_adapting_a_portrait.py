"""portrait3d is one backbone of mimictalk_adapt: neither imports the other, so the fit is tested here."""

from copy import deepcopy

import pytest
import torch

from ball_portrait import TINY, ball_clip
from mimictalk_adapt import AdaptableBackbone, AdaptConfig, JudgingBackbone, RememberingBackbone, adapt
from mimictalk_adapt.lora import load_adapter, merge, save_adapter
from portrait3d.adaptation import PortraitAdaptation
from portrait3d.drawing import PortraitRenderer
from portrait3d.model import Portrait3D

# A ball is learned faster than a face: high rates, few steps.
SETTINGS = AdaptConfig(steps=100, r=2, lora_alpha=2, warm_up=5, learning_rate=0.02, static_learning_rate=0.1)


def backbone() -> PortraitAdaptation:
    torch.manual_seed(0)
    return PortraitAdaptation(Portrait3D(TINY), ball_clip(), 0, plane_resolution=32, window=16)


def draw(model: Portrait3D, learned: PortraitAdaptation) -> torch.Tensor:
    """Draw the third frame of the clip, (128, 128, 3) uint8; LoRA is merged in a copy."""
    clip = learned.clip
    renderer = PortraitRenderer(merge(deepcopy(model)), learned.identity())
    pncc = clip.driving_pncc(2)[0]
    return renderer.frame(pncc, clip.camera_to_world[2], clip.intrinsics[2], clip.keypoints[2])


@pytest.fixture(scope="module")
def learned() -> PortraitAdaptation:
    person = backbone()
    adapt(person, SETTINGS)
    return person


def test_the_portrait_is_an_adaptable_backbone():
    for protocol in (AdaptableBackbone, JudgingBackbone, RememberingBackbone):
        assert isinstance(backbone(), protocol)


def test_a_short_adaptation_brings_the_picture_closer(learned):
    truth = learned.clip.frames[2].float()
    before = backbone()
    error_before = (draw(before.model, before).float() - truth).abs().mean()
    error_after = (draw(learned.model, learned).float() - truth).abs().mean()
    assert error_after < 0.5 * error_before


def test_a_saved_adapter_draws_the_same_picture_on_fresh_weights(learned, tmp_path):
    options = {"r": SETTINGS.r, "lora_alpha": SETTINGS.lora_alpha, "targets": backbone().lora_targets()}
    save_adapter(learned.model, tmp_path, **options)
    torch.manual_seed(0)
    fresh = Portrait3D(TINY).eval()
    load_adapter(fresh, tmp_path)
    merge(fresh)
    difference = draw(fresh, learned).int() - draw(learned.model, learned).int()
    assert difference.abs().max() <= 1  # merging changes the order of additions, and rounding at .5
