"""Adapting and drawing on a GPU: on one that is pretended, and on a real one where there is one.

The pretended one (tests/support/pretend_cuda.py) refuses to mix devices as a real one does, and computes with
the CPU's kernels, so its numbers must be the CPU's.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ball_portrait import TINY, ball_clip
from mimictalk import adapting, rendering
from mimictalk.adapt_preview import PICTURE
from mimictalk.adapt_recipe import Recipe
from mimictalk.rendering import PersonRenderer
from mimictalk_adapt import AdaptConfig, AdaptResult, adapt
from mimictalk_adapt.lora import merge
from portrait3d.adaptation import PortraitAdaptation
from portrait3d.adaptation_terms import AdaptationTerms
from portrait3d.config import SMALL, PortraitConfig
from portrait3d.drawing import PortraitRenderer
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D
from portrait3d.one_shot import PictureViews, RefineConfig, one_shot_identity, refined_identity
from portrait3d.published_adaptation import PublishedAdaptation
from pretend_cuda import MixedDevicesError, OnDevice, pretend_cuda
from talk_motion import MotionSequence

CONFIG = AdaptConfig(
    steps=4, together=2, r=2, lora_alpha=2, warm_up=2, learning_rate=0.02, static_learning_rate=0.1,
    judge_every=2, ema=0.9, save_every_s=0.0, take_best=False,
)  # fmt: skip
EVERYTHING = AdaptationTerms(plane_distance=0.1, occlusion=0.1, blink=0.1, temporal=0.1, hard_frames=0.5)
CPU = torch.device("cpu")


@pytest.fixture(params=["kernels", "reference"])
def gpu(request, monkeypatch) -> Callable[[], AbstractContextManager[torch.device]]:
    """Pretends a device, with kernels that render planes and without."""
    with_kernels = request.param == "kernels"
    monkeypatch.setattr("triplane_render.rendering.kernel_fits_gpu", lambda *scene: with_kernels)
    return pretend_cuda


def learner(device: torch.device, kind: type = PortraitAdaptation, **options: object) -> PortraitAdaptation:
    torch.manual_seed(0)
    blinks = torch.randint(256, (3, 3, 64, 64), dtype=torch.uint8)
    if kind is PortraitAdaptation:
        options = {"terms": EVERYTHING} | options
    options = {"plane_resolution": 32, "window": 16, "held_out": [1, 2], "precision": "float32"} | options
    return kind(Portrait3D(TINY).to(device), ball_clip(8), 0, blinks=blinks, **options)


def learned(backbone: PortraitAdaptation) -> dict[str, torch.Tensor]:
    network = {name: value for name, value in backbone.network.named_parameters() if "lora_" in name}
    return network | {name: value for name, (value, _) in backbone.static_parameters().items()}


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    """To what sums in another order differ by: one thread, or all, add up the gradients."""
    assert a.keys() == b.keys()
    for name, value in a.items():
        torch.testing.assert_close(b[name].cpu().detach(), value.detach(), rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("kind", [PortraitAdaptation, PublishedAdaptation])
@pytest.mark.parametrize("gpu", ["kernels"], indirect=True)
def test_adapting_takes_the_same_steps_on_a_device(gpu, kind, tmp_path: Path) -> None:
    here = learner(CPU, kind)
    on_cpu = adapt(here, CONFIG)
    with gpu() as device:
        there = learner(device, kind)
        on_device = adapt(there, CONFIG, state_folder=tmp_path)
    assert all(isinstance(value, OnDevice) for value in learned(there).values())
    assert_same(learned(here), learned(there))
    assert on_device.steps == CONFIG.steps
    for (_, wanted), (_, got) in zip(on_cpu.curve, on_device.curve, strict=True):
        assert got == pytest.approx(wanted, rel=1e-2, abs=1e-4)
    for (_, _, wanted), (_, _, got) in zip(on_cpu.held_out, on_device.held_out, strict=True):
        assert got == pytest.approx(wanted, rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("gpu", ["reference"], indirect=True)
def test_adapting_needs_no_kernels_on_a_device(gpu) -> None:
    """The reference rounds otherwise than the kernels, and Adam makes steps of the rounding of gradients that
    are nearly zero: the loss is compared, not every value."""
    on_cpu = adapt(learner(CPU), CONFIG)
    with gpu() as device:
        on_device = adapt(learner(device), CONFIG)
    assert on_device.curve[-1][1]["loss"] == pytest.approx(on_cpu.curve[-1][1]["loss"], rel=0.01)


@pytest.mark.parametrize("gpu", ["kernels"], indirect=True)
@pytest.mark.parametrize("to_device", [True, False])
def test_a_run_goes_on_on_the_other_device(gpu, to_device: bool, tmp_path: Path) -> None:
    def stop(done: int, total: int, terms: dict[str, float]) -> None:
        if done == 2:
            raise KeyboardInterrupt

    def run(on_device: bool, **options: object) -> tuple[PortraitAdaptation, AdaptResult]:
        with gpu() if on_device else nullcontext(CPU) as where:
            backbone = learner(where)
            return backbone, adapt(backbone, CONFIG, state_folder=tmp_path, **options)

    whole = learner(CPU)
    adapt(whole, CONFIG)
    with pytest.raises(KeyboardInterrupt):
        run(not to_device, progress=stop)
    resumed, result = run(to_device)
    assert result.resumed_at == 2
    assert isinstance(resumed.planes, OnDevice) == to_device
    assert_same(learned(whole), learned(resumed))


@pytest.mark.parametrize("size", [128, 64])
def test_frames_are_the_same_on_a_device(gpu, size: int) -> None:
    clip, here = ball_clip(), learner(CPU)
    model, identity = here.model.eval(), here.identity()
    drives = [
        (clip.driving_pncc(i)[0], clip.camera_to_world[i], clip.intrinsics[i], clip.keypoints[i]) for i in (0, 2)
    ]  # fmt: skip
    renderer = PortraitRenderer(model, identity, "float32", size)
    for transparent in (False, True):
        wanted = list(renderer.frames(drives, transparent=transparent))
        with gpu() as device:
            moved = PortraitRenderer(deepcopy(model).to(device), identity.to(device), "float32", size)
            got = list(moved.frames(drives, transparent=transparent))
        assert all(isinstance(frame, OnDevice) for frame in got)
        for a, b in zip(wanted, got, strict=True):
            assert int((a.int() - b.cpu().int()).abs().max()) <= 1


@pytest.mark.parametrize("gpu", ["kernels"], indirect=True)
def test_a_portrait_is_refined_on_a_device(gpu) -> None:
    clip = ball_clip()
    picture, others = clip.take([0]), clip.take([1, 2, 3])
    mask = others.head_mask[:, None].float() / 255
    views = PictureViews(
        others.frames.permute(0, 3, 1, 2).float() / 255, mask, mask, 0.5 * mask, others.camera_to_world,
        others.intrinsics, torch.cat([others.driving_pncc(index) for index in range(3)]),
    )  # fmt: skip
    config = RefineConfig(steps=4, coarse_steps=4, window=16, plane_resolution=32)

    def persons(where: torch.device) -> list[Identity]:
        torch.manual_seed(0)
        model = Portrait3D(TINY).eval().to(where)
        return [one_shot_identity(model, picture), refined_identity(model, picture, views, config)]

    on_cpu = persons(CPU)
    with gpu() as device:
        on_device = persons(device)
    for here, there in zip(on_cpu, on_device, strict=True):
        assert all(isinstance(value, OnDevice) for value in there.tensors().values())
        assert_same(here.tensors(), there.tensors())


@pytest.mark.parametrize("gpu", ["kernels"], indirect=True)
def test_the_app_learns_and_draws_on_a_device(gpu, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(rendering, "base_model", lambda tensors: model_of(TINY))
    clip, nothing = ball_clip(8), torch.zeros(8, 3)
    coeffs = SimpleNamespace(
        identity=torch.zeros(80), expression=torch.zeros(8, 64), euler=nothing, translation=nothing
    )
    motion = MotionSequence.from_tracking(coeffs.expression, nothing, nothing, torch.zeros(8, 2)).slice(0, 3)
    plate = torch.zeros(128, 128, 3, dtype=torch.uint8).numpy()
    with gpu() as device:
        person = adapting.learn(
            clip, SimpleNamespace(coeffs=coeffs), Recipe(rank=2), CONFIG, None, tmp_path, "a ball",
            lambda *told: None, device=device,
        )  # fmt: skip
        identity = person.backbone.identity()
        stored = identity.to("cpu").tensors()
        renderer = PersonRenderer(merge(person.backbone.network), identity, coeffs.identity, device=device)
        frames = [*renderer.frames(motion), *renderer.before(plate).frames(motion)]
    assert (tmp_path / PICTURE).is_file()
    assert isinstance(identity.planes, OnDevice)
    assert not any(isinstance(value, OnDevice) for value in stored.values())
    assert [frame.shape for frame in frames] == [(128, 128, 3)] * 6


def model_of(config: PortraitConfig) -> Portrait3D:
    torch.manual_seed(0)
    return Portrait3D(config).eval()


@pytest.mark.parametrize("gpu", ["kernels"], indirect=True)
def test_the_embedded_model_takes_a_step_and_draws_on_a_device(gpu) -> None:
    clip = ball_clip(3, SMALL)
    with gpu() as device:
        backbone = PortraitAdaptation(Portrait3D.from_pretrained().to(device), clip, 0, precision="float32")
        before = backbone.planes.detach().clone()
        result = adapt(backbone, AdaptConfig(steps=1, r=2, lora_alpha=2, warm_up=0))
        moved = float((backbone.planes.detach() - before).abs().max())
        renderer = PortraitRenderer(merge(backbone.network), backbone.identity(), "float32")
        frame = renderer.frame(
            clip.driving_pncc(1)[0], clip.camera_to_world[1], clip.intrinsics[1], clip.keypoints[1]
        )
    assert (result.steps, result.skipped) == (1, 0)
    assert moved > 0
    assert isinstance(frame, OnDevice)
    assert frame.shape == (512, 512, 3)


def _blinks(backbone: PortraitAdaptation) -> None:
    backbone.blinks = backbone.blinks.cpu()


def _layer(backbone: PortraitAdaptation) -> None:
    bias = backbone.model.super_resolution.stem.bias
    backbone.model.super_resolution.stem.bias = torch.nn.Parameter(bias.detach().cpu())


def _planes(backbone: PortraitAdaptation) -> None:
    backbone.first_planes = backbone.first_planes.cpu()


@pytest.mark.parametrize("left_behind", [_blinks, _layer, _planes])
@pytest.mark.parametrize("gpu", ["kernels"], indirect=True)
def test_a_tensor_that_is_left_on_the_cpu_is_found(gpu, left_behind: Callable) -> None:
    with gpu() as device:
        backbone = learner(device, terms=AdaptationTerms(plane_distance=0.1, blink=0.1))
        left_behind(backbone)
        with pytest.raises(MixedDevicesError, match="on the CPU, beside"):
            for step in range(20):  # a blink is part of one step in four
                backbone.loss(torch.Generator().manual_seed(step))


needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs an NVIDIA GPU and a CUDA build of torch"
)


@needs_gpu
@pytest.mark.cuda
def test_a_gpu_learns_about_the_same() -> None:
    here, there = learner(CPU), learner(torch.device("cuda"))
    on_cpu, on_gpu = adapt(here, CONFIG), adapt(there, CONFIG)
    assert on_gpu.curve[-1][1]["loss"] == pytest.approx(on_cpu.curve[-1][1]["loss"], rel=0.02)
    for name, value in learned(here).items():
        torch.testing.assert_close(learned(there)[name].cpu(), value, rtol=0.05, atol=0.02, msg=name)


@needs_gpu
@pytest.mark.cuda
def test_a_gpu_draws_the_same_picture() -> None:
    clip = ball_clip(3, SMALL)
    model = Portrait3D.from_pretrained()
    identity = one_shot_identity(model, clip)
    drive = clip.driving_pncc(1)[0], clip.camera_to_world[1], clip.intrinsics[1], clip.keypoints[1]
    wanted = PortraitRenderer(model, identity, "float32").frame(*drive).float()
    for precision in ("float32", "bfloat16"):
        renderer = PortraitRenderer(deepcopy(model).cuda(), identity.to("cuda"), precision)
        error = (renderer.frame(*drive).cpu().float() - wanted).square().mean().clamp_min(1e-9)
        assert float(10 * torch.log10(255**2 / error)) >= 45
