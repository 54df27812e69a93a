"""Checkpoints as the published trainers write them come out as our model, every entry accounted for."""

import json
from dataclasses import replace

import pytest
import torch

from portrait3d.errors import InputError
from portrait3d.full.importing import import_checkpoint
from portrait3d.full.lora_merge import merge_lora
from portrait3d.full.model import FullPortrait
from portrait3d.full.published_keys import our_name
from published_lists import shapes, tiny, trainer_file
from tiny_full import TINY, TINY_HEAD, TINY_TRIPLANE, draw, published_state, random_portrait, with_lora


@pytest.fixture(scope="module")
def portrait():
    return random_portrait(TINY)


def same(model, imported):
    ours = model.state_dict()
    assert imported.config == model.config
    assert set(imported.state) == set(ours)
    for name, value in ours.items():
        assert torch.equal(imported.state[name], value), name


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        TINY_TRIPLANE,
        TINY_HEAD,
        replace(TINY_TRIPLANE, torso_input="rgb_alpha", torso_keypoints=9),
        replace(TINY_HEAD, pncc_condition="cano_tgt", input_mode="rgb_alpha"),
    ],
    ids=["tri-grid", "tri-plane", "head", "nine key-points", "alpha input"],
)
def test_variants_without_config_yaml(tmp_path, config):
    model = random_portrait(config)
    path = trainer_file(tmp_path / "model_ckpt_steps_100000.ckpt", published_state(model))
    imported = import_checkpoint(path, TINY)
    same(model, imported)
    report = imported.report
    assert report["read"] == len(imported.state)
    assert report["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert (report["kind"], report["step"]) == ("a generic renderer", 1234)
    assert report["left_out"] == {"disc": 1}
    assert sum(report["unused"].values()) == len(published_state(model)) - report["read"]
    assert imported.person == {}


def test_the_report_reads_as_words_and_is_json(tmp_path, portrait):
    imported = import_checkpoint(trainer_file(tmp_path / "a.ckpt", published_state(portrait)), TINY)
    assert json.loads(json.dumps(imported.report)) == imported.report
    words = imported.words()
    for part in (
        "a.ckpt: a generic renderer, tri-grid of depth 3, head, torso and background, step 1,234",
        f"read: {len(imported.state):,} entries",
        "noise of StyleGAN layers; the published renderer turns it off",
        "left out: disc, 1 entries",
        "note: no config.yaml beside it",
    ):
        assert part in words


def test_config_yaml_beside_it_is_used(tmp_path):
    pytest.importorskip("yaml")
    config = replace(TINY, fusion="v3", head_threshold=0.7)
    model = random_portrait(config)
    path = trainer_file(tmp_path / "model_ckpt_steps_1.ckpt", published_state(model))
    text = "htbsr_head_weight_fuse_mode: v3\nhtbsr_head_threshold: 0.7\ntriplane_depth: 3\n"
    (tmp_path / "config.yaml").write_text(text)
    same(model, import_checkpoint(tmp_path, TINY))
    assert import_checkpoint(path, TINY).report["notes"] == []


def person_file(path, state, planes, **more):
    content = {
        "state_dict": {"model": state, "learnable_triplane": torch.nn.Parameter(planes)},
        "lora_args": {"lora_mode": "secc2plane_sr", "lora_r": 2},
        "person_ds": {
            "gt_img": torch.zeros(1, 3, 64, 64),
            "id": torch.ones(1, 80),
            "src_kp": torch.zeros(68, 3),
            "video_id": "May",
        },
        **more,
    }
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def test_a_persons_checkpoint_gives_merged_weights_and_planes(tmp_path, portrait):
    torch.manual_seed(1)
    state = with_lora(published_state(portrait))
    planes = torch.randn(1, 3, 12, 32, 32)
    path = person_file(tmp_path / "model_ckpt_steps_10000.ckpt", state, planes)
    imported = import_checkpoint(path, TINY)
    assert imported.report["kind"] == "a person adapted by MimicTalk"
    assert imported.report["lora"]["rank"] == 2
    assert len(imported.report["lora"]["layers"]) == 19
    assert imported.report["lora"]["duplicates"] == 8
    assert imported.report["person"] == ["identity", "keypoints", "picture", "planes"]
    assert imported.report["person_video"] == "May"
    # The published grid has channels outside, depth inside.
    assert imported.person["planes"].shape == (1, 3, 4, 3, 32, 32)
    assert torch.equal(imported.person["planes"][0, 1, 2, 1], planes[0, 1, 2 * 3 + 1])
    merged = merge_lora(state).tensors
    changed = {
        our_name(name)
        for name, value in merged.items()
        if name in state and not torch.equal(value, state[name])
    }
    assert len(changed) == 19
    for name in changed:
        assert not torch.equal(imported.state[name], portrait.state_dict()[name])
    model = FullPortrait(imported.config)
    model.load_state_dict(imported.state)
    assert draw(model.eval()).isfinite().all()


def test_planes_without_lora_are_a_person_too(tmp_path, portrait):
    state = published_state(portrait)
    path = person_file(
        tmp_path / "a.ckpt", state, torch.randn(1, 3, 12, 32, 32), lora_args={"lora_mode": "none"}
    )
    imported = import_checkpoint(path, TINY)
    same(portrait, imported)
    assert imported.report["kind"] == "a person adapted by MimicTalk"
    assert imported.report["lora"]["rank"] == 0


def test_planes_of_another_size_are_refused(tmp_path, portrait):
    path = person_file(tmp_path / "a.ckpt", published_state(portrait), torch.randn(1, 3, 4, 32, 32))
    with pytest.raises(InputError, match=r"learned planes have shape \(1, 3, 4, 32, 32\)"):
        import_checkpoint(path, TINY)


def test_a_rank_that_is_told_wrongly_is_noted(tmp_path, portrait):
    torch.manual_seed(1)
    state, args = with_lora(published_state(portrait)), {"lora_mode": "sr", "lora_r": 8}
    path = person_file(tmp_path / "a.ckpt", state, torch.randn(1, 3, 12, 32, 32), lora_args=args)
    assert (
        "lora_args say rank 8, the tensors 2: the tensors are right"
        in import_checkpoint(path, TINY).report["notes"]
    )


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("audio_to_motion", "audio-to-motion model of MimicTalk .*talk_motion.full.importing"),
        ("audio_to_motion_vae", "audio-to-motion model of Real3D-Portrait .*talk_motion.full.importing"),
    ],
)
def test_audio_to_motion_is_named(tmp_path, listed, words):
    path = trainer_file(tmp_path / "a.ckpt", tiny(shapes(listed)))
    with pytest.raises(InputError, match=f"(?s){words}"):
        import_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("decoder.net.2.bias"), r"1 missing \(decoder\.out\.bias\)"),
        (
            lambda s: s.update({"superresolution.new.weight": torch.ones(1)}),
            r"1 unknown \(superresolution\.new\.weight\)",
        ),
        (
            lambda s: s.update({"decoder.net.2.bias": torch.ones(9)}),
            r"1 of another shape \(decoder\.net\.2\.bias has shape 9, here 5\)",
        ),
        (
            lambda s: s["decoder.net.2.bias"].fill_(float("nan")),
            r"decoder\.out\.bias holds values that are not numbers",
        ),
        (
            lambda s: [s.pop(name) for name in list(s) if name.startswith("cano_")],
            "a part of a renderer: image-to-plane is missing",
        ),
        (
            lambda s: s.update({"decoder.net.0.lora_A": torch.ones(2, 4)}),
            r"LoRA of decoder\.net\.0 is incomplete",
        ),
        (
            lambda s: [s.pop(name) for name in list(s) if ".torso_model.appearance" in name],
            r"appearance_extractor\.in_conv\.layers\.0\.weight is missing",
        ),
    ],
)
def test_partial_and_altered_checkpoints_are_refused(tmp_path, portrait, change, words):
    state = published_state(portrait)
    change(state)
    with pytest.raises(InputError, match=words):
        import_checkpoint(trainer_file(tmp_path / "a.ckpt", state), TINY)


def test_half_precision_is_read_as_float32(tmp_path, portrait):
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in published_state(portrait).items()
    }
    imported = import_checkpoint(trainer_file(tmp_path / "a.ckpt", state), TINY)
    assert {value.dtype for value in imported.state.values()} == {torch.float32, torch.int64}
