"""Options are read off the tensors; config.yaml adds what tensors cannot tell, and is checked against them."""

import sys
from dataclasses import replace

import pytest

from portrait3d.errors import InputError
from portrait3d.full.config import FullConfig
from portrait3d.full.published_options import infer_config, options_of_tensors, read_config
from published_lists import meta, shapes

SR = "superresolution."
TORSO = f"{SR}torso_model."


def tensors(changes=None, without=()):
    """The published list with other shapes for some names and without those that begin so."""
    listed = {
        name: shape for name, shape in shapes("renderer").items() if not name.startswith(tuple(without))
    }
    return meta({**listed, **(changes or {})})


def test_the_published_tensors_give_the_published_configuration():
    assert infer_config(tensors(), {}) == (FullConfig(), [])


TRIPLANE = {"secc_img2plane_backbone.to_plane_cnn.7.weight": (96, 256, 3, 3)}
HEAD_ONLY = tuple(SR + part for part in ("torso", "head_torso", "bg_", "fuse"))


@pytest.mark.parametrize(
    ("changes", "without", "expected"),
    [
        (TRIPLANE, ("plane2grid_module",), {"plane_depth": 1}),
        ({}, HEAD_ONLY, {"has_torso": False}),
        (
            {"cano_img2plane_backbone.high_reso_encoder.first.weight": (64, 6, 7, 7)},
            (),
            {"input_mode": "rgb_alpha"},
        ),
        (
            {
                "cano_img2plane_backbone.high_reso_encoder.first.weight": (64, 8, 7, 7),
                "cano_img2plane_backbone.camera_to_channel.weight": (3, 25),
            },
            (),
            {"input_mode": "rgb_camera"},
        ),
        ({"secc_img2plane_backbone.prenet.weight": (3, 6, 1, 1)}, (), {"pncc_condition": "cano_tgt"}),
        (
            {f"{TORSO}appearance_extractor.in_conv.layers.0.weight": (64, 5, 7, 7)},
            (),
            {"torso_input": "rgb_alpha"},
        ),
        (
            {f"{TORSO}motion_field_estimator.mask_conv.weight": (10, 32, 7, 7, 7)},
            (),
            {"torso_keypoints": 9},
        ),
        ({}, (f"{TORSO}motion_field_estimator.tgt_head",), {"torso_warp": 1}),
        ({}, (f"{SR}fuse_head_torso_convs", f"{SR}head_torso_"), {"fusion": "v1"}),
        (
            {f"{SR}fuse_fg_bg_convs.0.weight": (64, 768, 1, 1)},
            (f"{SR}fuse_head_torso_convs", f"{SR}head_torso_"),
            {"fusion": "concat"},
        ),
        (
            {},
            tuple(f"cano_img2plane_backbone.low_reso_vit.block{n}." for n in (3, 4, 5)),
            {"vit_depth": 2},
        ),
    ],
)
def test_shapes_tell_the_variants(changes, without, expected):
    config, notes = infer_config(tensors(changes, without), {})
    assert config == replace(FullConfig(), **expected)
    assert notes == []


def test_large_super_resolution_is_seen():
    inner = {
        name.replace("block0.", "block0.block.").replace("block1.", "block1.block."): shape
        for name, shape in shapes("renderer").items()
    }
    inner |= {f"{SR}block0.resblocks.{n}.conv1.weight": (256, 256, 3, 3) for n in range(2)}
    options = options_of_tensors(meta(inner))
    assert (options["large_sr"], options["large_sr_blocks"], options["w_dim"]) == (True, 2, 512)


def test_config_yaml_tells_what_tensors_cannot():
    options = {
        "htbsr_head_weight_fuse_mode": "v3",
        "htbsr_head_threshold": 0.7,
        "phase1_plane_fusion_mode": "mul",
        "num_samples_coarse": 24,
        "num_samples_fine": 12,
        "box_warp": 1,
        "lr_g": 0.1,
    }
    config, notes = infer_config(tensors(), options)
    expected = replace(
        FullConfig(), fusion="v3", head_threshold=0.7, plane_fusion="mul", samples=24, importance_samples=12
    )
    assert (config, notes) == (expected, [])


def test_the_tensors_are_believed_before_config_yaml():
    config, notes = infer_config(tensors(), {"triplane_depth": 1, "torso_kp_num": 9, "w_dim": 512})
    assert config == FullConfig()
    assert notes == [
        "config.yaml says triplane_depth: 1, the tensors 3: the tensors are right",
        "config.yaml says torso_kp_num: 9, the tensors 4: the tensors are right",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sr_type": "spade"}, "sr_type: spade; only vanilla"),
        ({"ones_ws_for_sr": False}, "ones_ws_for_sr: False; only True"),
        ({"torso_mask_dilate_ksize": 3}, "only 7"),
        ({"ray_near": 2.2}, "only auto"),
        ({"htbsr_head_weight_fuse_mode": "v5"}, "must be one of .* got 'v5'"),
    ],
)
def test_options_that_cannot_be_reproduced_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        infer_config(tensors(), options)


@pytest.mark.parametrize(
    ("changes", "without", "words"),
    [
        ({}, ("plane2grid_module",), "unpublished kind of planes"),
        ({}, ("decoder.net.0",), r"decoder\.net\.0\.weight is missing"),
        ({"secc_img2plane_backbone.to_plane_cnn.7.weight": (97, 256, 3, 3)}, (), "97 plane channels"),
    ],
)
def test_tensors_that_make_no_renderer_are_refused(changes, without, words):
    with pytest.raises(ValueError, match=words):
        infer_config(tensors(changes, without), {})


def test_config_yaml_is_read_beside_the_checkpoint(tmp_path):
    pytest.importorskip("yaml")
    assert read_config(tmp_path) == (
        {},
        ["no config.yaml beside it: what tensors cannot tell is taken as published"],
    )
    (tmp_path / "config.yaml").write_text("max_updates: 100_000\nweight_fuse: true\n\nlora_r: 2\n")
    assert read_config(tmp_path) == ({"max_updates": 100000, "weight_fuse": True, "lora_r": 2}, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1,", "not YAML"),
        ("- 1\n- 2\n", "not a list of options"),
        ("!!python/object/apply:os.getcwd []", "not YAML"),
        ("a: 1\n" * 300_000, "too long"),
    ],
)
def test_other_files_of_that_name_are_refused(tmp_path, text, words):
    pytest.importorskip("yaml")
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=words):
        read_config(tmp_path)


def test_without_a_yaml_reader_the_report_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "config.yaml").write_text("a: 1\n")
    options, notes = read_config(tmp_path)
    assert options == {}
    assert "config.yaml was not read" in notes[0]
