"""What the published renderer learns of a person: which layers, which frames, which terms."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from full_person import person_clip
from portrait3d.full.adaptation import FullAdaptation
from portrait3d.full.adaptation_terms import WEIGHTS, frame_terms, true_picture
from pretend_cuda import pretend_cuda
from tiny_full import TINY, TINY_HEAD, random_portrait


def backbone(config=TINY, clip=None, **options):
    return FullAdaptation(random_portrait(config), clip or person_clip(config), 0, **options)


def test_lora_goes_where_the_published_script_puts_it_and_into_the_decoder():
    assert backbone().lora_targets() == [
        "motion_adapter.prenet",
        *(f"motion_adapter.to_plane.{index}" for index in range(3)),
        "motion_adapter.out",
        "decoder.hidden",
        "decoder.out",
        *(
            f"super_resolution.{block}.{layer}"
            for block in ("block0", "block1", "head_torso_block")
            for layer in ("first.conv", "second.conv", "to_rgb")
        ),
    ]


@pytest.mark.parametrize("config", [TINY, TINY_HEAD], ids=["torso", "head"])
def test_every_target_and_the_planes_get_a_gradient(config):
    person = backbone(config)
    modules = dict(person.model.named_modules())
    targets = [modules[name].weight for name in person.lora_targets()]
    for weight in targets:
        weight.requires_grad_(True)
    person.loss(torch.Generator().manual_seed(0))[0].backward()
    assert all(bool(weight.grad.abs().sum() > 0) for weight in targets)
    assert bool(person.planes.grad.abs().sum() > 0)
    learned = {id(value) for value in (*targets, person.planes)}
    assert [
        name for name, p in person.model.named_parameters() if p.grad is not None and id(p) not in learned
    ] == []


def test_the_loss_is_a_function_of_its_generator_and_the_sum_of_its_terms():
    person = backbone()
    with torch.no_grad():
        (loss, terms), (again, _) = (person.loss(torch.Generator().manual_seed(5)) for _ in range(2))
    assert loss.equal(again)
    assert terms.keys() == (WEIGHTS.keys() - {"blink"}) | {"plane_distance"}
    # Four frames are learned from: the published weight of the plane distance is 1 up to five.
    expected = sum(({**WEIGHTS, "plane_distance": 1.0}[name] * float(value)) for name, value in terms.items())
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(terms["plane_distance"]) == 0.0


def test_blinks_are_part_of_one_step_in_four():
    person = backbone(blinks=torch.randint(256, (3, 3, 64, 64), dtype=torch.uint8))
    losses = [person.loss(torch.Generator().manual_seed(seed))[1] for seed in range(12)]
    assert 0 < sum("blink" in terms for terms in losses) < 12


def test_a_perfect_frame_costs_nothing_but_what_is_not_in_it():
    """Terms of a frame that is the true one: 0 where they compare, and 0 entropy of masks that are 0 or 1."""
    person = backbone()
    shown = person.shown(1)
    frame = person.drawn(person.layers(), shown)
    mask, torso = shown.mask("head_mask", 0), shown.mask("torso_mask", 0)
    small = F.interpolate(mask, (16, 16), mode="area")
    head = F.interpolate(shown.picture(0) * mask, (16, 16), mode="area") * 2 - 1
    layers = frame.layers._replace(
        torso_occlusion=F.interpolate(torso, (32, 32), mode="area"),
        motion_occlusion=F.interpolate(torso, (8, 8), mode="area"),
    )
    perfect = replace(
        frame,
        picture=shown.picture(0) * 2 - 1,
        head=replace(frame.head, features=torch.cat([head, head], 1), opacity=small),
        layers=layers,
    )
    found = frame_terms(perfect, shown)
    compared = {name: float(value) for name, value in found.items() if name not in ("entropy", "occlusion")}
    assert compared == pytest.approx(dict.fromkeys(compared, 0.0), abs=1e-6)
    wrong = frame_terms(replace(perfect, picture=-perfect.picture), shown)
    assert wrong["full"] > 0.2 and wrong["lip"] > 0.05


def test_a_head_alone_is_compared_with_the_head_before_black():
    person = backbone(TINY_HEAD)
    assert person.constants is None and person.identity().torso is None
    truth = true_picture(person.shown(0), head_alone=True)
    assert float((truth * (1 - person.shown(0).mask("head_mask", 0))).abs().max()) == 0


def test_frames_of_another_size_are_resized():
    large = replace(TINY, picture_size=128, plane_resolution=64, ray_grid=32)
    clip = replace(
        person_clip(large), pncc=person_clip(TINY).pncc, canonical_pncc=person_clip(TINY).canonical_pncc
    )
    shown = backbone(clip=clip).shown(0)
    assert shown.frames.shape == (1, 64, 64, 3) and shown.background.shape == (64, 64, 3)
    mean = clip.frames[:1].float().unflatten(1, (64, 2)).unflatten(3, (64, 2)).mean((2, 4))
    assert (shown.frames.float() - mean).abs().max() <= 0.5


def test_what_does_not_fit_is_quoted():
    clip = person_clip(TINY)
    with pytest.raises(ValueError, match="PNCC of 64, got a clip with 32"):
        backbone(clip=replace(clip, pncc=clip.pncc[..., :32, :32]))
    with pytest.raises(ValueError, match="4 key-points, got 9"):
        backbone(clip=replace(clip, keypoints=torch.zeros(4, 9, 2)))
    with pytest.raises(ValueError, match="every frame with a trusted track is held out"):
        backbone(held_out=range(4))
    with pytest.raises(ValueError, match="precision must be one of"):
        backbone(precision="half")


def test_a_step_needs_nothing_on_the_cpu(monkeypatch):
    monkeypatch.setattr("triplane_render.rendering.kernel_fits_gpu", lambda *scene: True)
    wanted = float(backbone(precision="float32").loss(torch.Generator().manual_seed(1))[0].detach())
    with pretend_cuda() as device:
        model = random_portrait(TINY).to(device)
        person = FullAdaptation(model, person_clip(TINY), 0, precision="float32")
        got = float(person.loss(torch.Generator().manual_seed(1))[0].detach().cpu())
    assert got == pytest.approx(wanted, rel=1e-3)
