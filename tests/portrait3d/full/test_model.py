"""The whole renderer: published sizes, constants worked out once, frames of a batch on their own."""

from dataclasses import replace

import pytest
import torch

from portrait3d.full.config import FullConfig
from portrait3d.full.folding import fold
from portrait3d.full.model import FullPortrait, Surroundings, pose_camera
from pretend_cuda import OnDevice, pretend_cuda
from published_lists import shapes
from tiny_full import TINY, TINY_HEAD, random_portrait

CAMERAS = torch.tensor(
    [
        [1, 0, 0, x, 0, -1, 0, 0, 0, 0, -1, 2.7, 0, 0, 0, 1, 4.26, 0, 0.5, 0, 4.26, 0.5, 0, 0, 1.0]
        for x in (0.0, 0.05)
    ]
)
PARTS = {
    "cano_img2plane_backbone": "image_to_plane",
    "plane2grid_module": "plane_grid",
    "secc_img2plane_backbone": "motion_adapter",
    "decoder": "decoder",
    "superresolution": "super_resolution",
}
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "resample_filter", "noise_const", "_u", "_v")


def pictures(count, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, 64, 64, generator=generator) * 2 - 1


def surroundings(config):
    keypoints = torch.rand(1, config.torso_keypoints, 2, generator=torch.Generator().manual_seed(5)) - 0.5
    return Surroundings(pictures(1, seed=1), (pictures(1, 2, seed=2) + 1) / 2, pictures(1, seed=3), keypoints)


def person_of(model, device="cpu"):
    config = model.config
    around = Surroundings(*(part.to(device) for part in vars(surroundings(config)).values()))
    return model.person(
        model.canonical_planes(pictures(1).to(device)),
        pictures(1, seed=6).to(device),
        pictures(1, seed=7).to(device),
        around if config.has_torso else None,
    )


def test_parameters_are_as_many_as_published():
    """Counted from the published names and shapes; only the strengths of unused noise have no place here."""
    with torch.device("meta"):
        model = FullPortrait(FullConfig())
    published = dict.fromkeys(PARTS, 0)
    for name, shape in shapes("renderer").items():
        part = name.partition(".")[0]
        if part in PARTS and not name.endswith(BUFFERS) and not name.endswith("noise_strength"):
            published[part] += torch.Size(shape).numel()
    ours = {name: sum(p.numel() for p in getattr(model, part).parameters()) for name, part in PARTS.items()}
    assert ours == published
    millions = {name: round(count / 1e6, 3) for name, count in ours.items()}
    assert millions["cano_img2plane_backbone"] == 87.554
    assert millions["secc_img2plane_backbone"] == 6.148
    assert millions["superresolution"] == 54.970
    assert round(sum(ours.values()) / 1e6, 1) == 148.7


@pytest.mark.parametrize("config", [TINY, TINY_HEAD], ids=["torso", "head"])
def test_networks_in_bfloat16_draw_the_same_picture_to_45_db(config):
    """Rounding to 8 bits of mantissa is 2^-9 of a value at most: some 50 dB of pictures that span -1 to 1."""
    model = fold(random_portrait(config))
    keypoints = torch.rand(1, config.torso_keypoints, 2) - 0.5
    with torch.inference_mode():
        person, camera = person_of(model), pose_camera(CAMERAS[:1])
        exact, half = (
            model(person, pictures(1, seed=8), *camera, keypoints, precision=precision)
            for precision in ("float32", "bfloat16")
        )
    assert half.picture.dtype == torch.float32
    assert half.head.features.equal(exact.head.features)  # the head's planes and rays are not touched
    assert not half.picture.equal(exact.picture)
    assert -10 * ((half.picture - exact.picture) / 2).square().mean().log10() > 45
    with pytest.raises(ValueError, match="precision must be one of"):
        model(person, pictures(1), *camera, keypoints, precision="half")


@pytest.mark.parametrize(
    "config", [TINY, TINY_HEAD, replace(TINY, plane_depth=1)], ids=["torso", "head", "plane"]
)
def test_frames_of_a_batch_are_those_drawn_one_by_one(config):
    model = random_portrait(config)
    targets, keypoints = pictures(2, seed=8), torch.rand(2, config.torso_keypoints, 2) - 0.5
    with torch.inference_mode():
        person = person_of(model)
        both = model(replace(person, planes=person.planes.expand(2, *person.planes.shape[1:])), targets,
                     *pose_camera(CAMERAS), keypoints).picture  # fmt: skip
        single = [
            model(person, targets[i : i + 1], *pose_camera(CAMERAS[i : i + 1]), keypoints[i : i + 1]).picture
            for i in range(2)
        ]
    assert both.shape == (2, 3, 64, 64)
    assert both.abs().max() <= 1
    assert (single[0] - single[1]).abs().max() > 1e-3
    torch.testing.assert_close(both, torch.cat(single), atol=1e-4, rtol=0)


def test_planes_of_batch_one_serve_a_batch_of_frames():
    model = random_portrait(TINY_HEAD)
    with torch.inference_mode():
        frame = model(person_of(model), pictures(2, seed=8), *pose_camera(CAMERAS))
    assert frame.picture.shape == (2, 3, 64, 64)


def test_a_frame_works_out_nothing_that_is_constant():
    model = random_portrait(TINY)
    with torch.inference_mode():
        person = person_of(model)
        for part in (model.image_to_plane, model.plane_grid, model.super_resolution.background_encoder):
            part.register_forward_pre_hook(lambda module, given: pytest.fail(f"{type(module)} ran again"))
        keypoints = torch.zeros(1, TINY.torso_keypoints, 2)
        model(person, pictures(1, seed=8), *pose_camera(CAMERAS[:1]), keypoints)


@pytest.mark.parametrize(("fusion", "expected"), [("add", 5.0), ("mul", 6.0)])
def test_the_diff_plane_is_added_or_multiplies(fusion, expected):
    model = random_portrait(replace(TINY_HEAD, plane_fusion=fusion))
    torch.nn.init.zeros_(model.motion_adapter.out.weight)
    torch.nn.init.constant_(model.motion_adapter.out.bias, 2)
    person = replace(person_of(model), planes=torch.full((1, 3, 4, 3, 32, 32), 3.0))
    torch.testing.assert_close(
        model.moved_planes(person, pictures(1)), torch.full((1, 3, 4, 3, 32, 32), expected)
    )


def test_torso_and_background_are_asked_for():
    model = random_portrait(TINY)
    with pytest.raises(ValueError, match="surroundings"):
        model.person(torch.zeros(1, 3, 4, 3, 32, 32), pictures(1), pictures(1))
    with torch.inference_mode():
        person = person_of(model)
        with pytest.raises(ValueError, match="key-points"):
            model(person, pictures(1), *pose_camera(CAMERAS[:1]))


def test_every_weight_of_the_head_gets_a_gradient():
    model = random_portrait(TINY_HEAD)
    with torch.no_grad():
        model.decoder.out.bias[0] += 3
    frame = model(person_of(model), pictures(1, seed=8), *pose_camera(CAMERAS[:1]))
    frame.picture.square().mean().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    silent = [name for name, p in model.named_parameters() if p.ndim > 1 and not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("config", [TINY, TINY_HEAD], ids=["torso", "head"])
def test_a_frame_and_its_gradients_are_the_same_on_a_device(config, monkeypatch):
    """On a pretended GPU: nothing that a frame or a step of training needs is left on the CPU."""
    monkeypatch.setattr("triplane_render.rendering.kernel_fits_gpu", lambda *scene: True)

    def drawn(device):
        model = random_portrait(config).to(device)
        target, keypoints = (
            pictures(1, seed=8).to(device),
            torch.zeros(1, config.torso_keypoints, 2).to(device),
        )
        person = person_of(model, device)
        picture = model(person, target, *pose_camera(CAMERAS[:1].to(device)), keypoints).picture
        learned = [value for value in model.parameters() if value.requires_grad]
        gradients = torch.autograd.grad(picture.square().mean(), learned, allow_unused=True)
        before = [value.detach().clone() for value in learned]
        for value, gradient in zip(learned, gradients, strict=True):
            value.grad = gradient
        torch.optim.Adam(learned, lr=1e-3, fused=True).step()
        changed = sum(not torch.equal(a, b.detach()) for a, b in zip(before, learned, strict=True))
        return picture.detach(), gradients, changed

    wanted, by_cpu, changed = drawn("cpu")
    with pretend_cuda() as device:
        got, by_device, changed_there = drawn(device)
    assert isinstance(got, OnDevice)
    torch.testing.assert_close(got.cpu(), wanted, rtol=1e-4, atol=1e-5)
    assert changed == changed_there > 100
    for a, b in zip(by_cpu, by_device, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(b.cpu(), a, rtol=1e-2, atol=1e-5 + 1e-3 * float(a.abs().max()))


def test_frames_need_no_image_to_plane_once_there_are_planes():
    model = random_portrait(TINY)
    person = person_of(model)
    drive = pictures(1, seed=8), *pose_camera(CAMERAS[:1]), surroundings(TINY).keypoints + 0.1
    wanted = model(person, *drive).picture
    held = sum(value.numel() for value in model.parameters())
    model.drop_image_to_plane()
    assert sum(value.numel() for value in model.parameters()) < held
    assert torch.equal(model(person, *drive).picture, wanted)
    with pytest.raises(ValueError, match="image-to-plane was dropped: load the model again"):
        model.canonical_planes(pictures(1))
