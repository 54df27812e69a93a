"""The published renderer is a backbone of mimictalk_adapt: learned, kept and drawn with tiny random weights."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from full_person import person_clip
from mimictalk_adapt import AdaptableBackbone, AdaptConfig, JudgingBackbone, adapt
from mimictalk_adapt.lora import merge, merge_adapter, save_adapter
from portrait3d.full.adaptation import FullAdaptation
from portrait3d.full.drawing import FullRenderer
from portrait3d.full.identity import FullIdentity
from portrait3d.full.storage import load_portrait, write_weights
from tiny_full import TINY, TINY_HEAD, TINY_TRIPLANE, random_portrait

SETTINGS = AdaptConfig(steps=30, r=2, lora_alpha=2, warm_up=0, learning_rate=0.01, static_learning_rate=0.05)
CONFIGS = pytest.mark.parametrize("config", [TINY, TINY_TRIPLANE, TINY_HEAD], ids=["grid", "plane", "head"])


def backbone(config=TINY, **options):
    return FullAdaptation(
        random_portrait(config), person_clip(config), 0, **{"precision": "float32", **options}
    )


def mean_loss(person):
    """Over the same eight batches."""
    with torch.no_grad():
        return sum(float(person.loss(torch.Generator().manual_seed(seed))[0]) for seed in range(8)) / 8


def drive(clip, index):
    return (
        clip.driving_pncc(index)[0],
        clip.camera_to_world[index],
        clip.intrinsics[index],
        clip.keypoints[index],
    )


@CONFIGS
def test_a_short_adaptation_lowers_the_loss_and_changes_planes_and_lora_alone(config):
    person = backbone(config)
    assert isinstance(person, AdaptableBackbone) and isinstance(person, JudgingBackbone)
    frozen = {name: value.clone() for name, value in person.model.state_dict().items()}
    planes, before = person.planes.detach().clone(), mean_loss(person)
    adapt(person, SETTINGS)
    assert mean_loss(person) < 0.97 * before
    assert not person.planes.equal(planes)
    after = {name.replace(".base_layer", ""): value for name, value in person.model.state_dict().items()}
    assert frozen.keys() <= after.keys()
    assert [name for name, value in frozen.items() if not value.equal(after[name])] == []
    learned = {name for name in after if name not in frozen}
    assert learned and all(".lora_" in name for name in learned)
    silent = [name for name in learned if "lora_B" in name and not after[name].any()]
    assert silent == []


def test_a_run_taken_up_again_ends_with_the_same_bits(tmp_path):
    def stop(done, total, terms):
        if done == 3:
            raise KeyboardInterrupt

    config = replace(SETTINGS, steps=6, save_every_s=0)
    whole = backbone()
    adapt(whole, config)
    with pytest.raises(KeyboardInterrupt):
        adapt(backbone(), config, state_folder=tmp_path, progress=stop)
    again = backbone()
    assert adapt(again, config, state_folder=tmp_path).resumed_at == 3
    assert again.planes.equal(whole.planes)
    theirs = whole.model.state_dict()
    assert all(value.equal(theirs[name]) for name, value in again.model.state_dict().items())


@CONFIGS
def test_what_is_kept_draws_on_fresh_weights_what_was_learned(config, tmp_path):
    generic = random_portrait(config)
    write_weights(tmp_path / "weights", config, generic.state_dict(), {}, {})
    person = backbone(config)
    targets = person.lora_targets()
    adapt(person, replace(SETTINGS, steps=5))
    options = {"r": SETTINGS.r, "lora_alpha": SETTINGS.lora_alpha, "targets": targets}
    save_adapter(person.model, tmp_path / "adapter", **options)
    wanted = (person.draw(2)[0].permute(1, 2, 0) * 255).round()
    untouched = (backbone(config).draw(2)[0].permute(1, 2, 0) * 255).round()
    assert (wanted - untouched).abs().max() > 3

    model, _ = load_portrait(tmp_path / "weights")
    merge_adapter(model, tmp_path / "adapter")
    identity = FullIdentity.from_tensors(person.identity().tensors())
    got = FullRenderer(model, identity, "float32").frame(*drive(person.clip, 2))
    assert (
        got.float() - wanted
    ).abs().max() <= 1  # merging changes the order of additions, and rounding at .5
    merged = FullRenderer(merge(deepcopy(person.model)), identity, "float32").frame(*drive(person.clip, 2))
    assert (merged.float() - wanted).abs().max() <= 1


def test_held_out_frames_are_judged_and_never_learned_from():
    person = backbone(held_out=[1])
    assert float(person.odds[1]) == 0
    found = person.judge()
    assert set(found) == {"score", "psnr", "psnr_mouth", "head_iou"}
    truth, drawn = person.clip.picture(1), person.draw(1)
    error = float((truth - drawn).square().mean())
    assert found["psnr"] == pytest.approx(-10 * torch.tensor(error).log10().item(), abs=0.01)
    assert backbone().judge() == {}
