"""Networks are told apart by the names of their tensors."""

import pytest

from portrait3d.full.checkpoint_kinds import is_renderer, join, looks_like, missing_parts
from published_lists import shapes


def test_the_published_renderers_are_renderers():
    renderer = shapes("renderer")
    assert is_renderer(renderer)
    assert is_renderer([*renderer, *shapes("lora")])
    assert looks_like(renderer) == ("a renderer", "")


@pytest.mark.parametrize(
    ("names", "words", "cure"),
    [
        (
            shapes("audio_to_motion"),
            "audio-to-motion model of MimicTalk (ICS-A2M)",
            "talk_motion.full.importing",
        ),
        (
            shapes("audio_to_motion_vae"),
            "audio-to-motion model of Real3D-Portrait",
            "talk_motion.full.importing",
        ),
        (
            ["patch_embed1.proj.weight", "block1.0.attn.q.weight", "norm1.weight"],
            "SegFormer encoder (mit_b0",
            "contains its own encoder",
        ),
        (
            ["backbone.mapping.fc0.weight", "backbone.synthesis.b4.const"],
            "an EG3D generator",
            "Give a renderer",
        ),
        (["img2plane_backbone.low_reso_vit.norm"], "image-to-plane stage alone", "Give a renderer"),
        (["conv1.weight", "layer1.0.conv1.weight", "layer4.0.conv1.weight"], "a ResNet", "Give a renderer"),
        (["a.weight", "b.weight"], "nothing known here (its tensors: a.weight, b.weight)", "Give a renderer"),
        ([], "it holds no tensors", "Give a renderer"),
    ],
)
def test_other_networks_are_named(names, words, cure):
    assert not is_renderer(names)
    said, what_to_do = looks_like(names)
    assert words in said
    assert cure in what_to_do


def test_the_audio_models_without_blink_and_mouth_are_named_too():
    names = [name for name in shapes("audio_to_motion") if "blink" not in name and "mouth" not in name]
    assert "ICS-A2M" in looks_like(names)[0]


def test_a_part_of_a_renderer_says_what_is_missing():
    names = [name for name in shapes("renderer") if name.split(".")[0] not in ("superresolution", "decoder")]
    assert missing_parts(names) == ["the plane decoder", "the super-resolution"]
    said = looks_like(names)[0]
    assert said == "a part of a renderer: the plane decoder and the super-resolution are missing"


def test_lists_read_as_sentences():
    assert join(["a"]) == "a"
    assert join(["a", "b", "c"]) == "a, b and c"
