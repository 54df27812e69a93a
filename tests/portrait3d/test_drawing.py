"""What is computed once per person gives what the model says, and threads change nothing."""

from dataclasses import replace

import pytest
import torch

from ball_portrait import TINY
from portrait3d.clip import PortraitClip
from portrait3d.drawing import PortraitRenderer
from portrait3d.folded_adapter import FoldedAdapter
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D


@pytest.mark.parametrize("from_rest", [True, False])
def test_the_folded_adapter_drives_planes_like_the_model(from_rest: bool) -> None:
    torch.manual_seed(0)
    model = Portrait3D(replace(TINY, adapter_from_rest=from_rest)).eval().double()
    torch.nn.init.normal_(model.motion_adapter.out.weight)
    planes = torch.randn(3, 4, 32, 32, dtype=torch.float64)
    canonical, source, target = torch.rand(3, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        wanted = model.drive_planes(planes[None], canonical[None], source[None], target[None])
        folded = FoldedAdapter(model.motion_adapter, canonical, source, planes)
        got = folded.drive(target[None])
        again = folded.drive(target[None])
    assert float((wanted - planes).abs().max()) > 0.1  # something moves
    assert torch.allclose(got, wanted, rtol=1e-9, atol=1e-9)
    assert torch.equal(got, again)  # nothing is kept from the frame before


def test_the_folded_torso_draws_like_the_model(bent_torso) -> None:
    layers = (bent_torso.torso, bent_torso.background, bent_torso.source, bent_torso.target)
    with torch.no_grad():
        wanted, _ = bent_torso.model.render_back(*(layer[None] for layer in layers))
        got = bent_torso.folded.draw(bent_torso.target)
    assert torch.allclose(got, wanted[0], rtol=1e-9, atol=1e-9)
    moved = float((wanted[0] - bent_torso.wall).abs().max())
    assert moved > 0.1 if bent_torso.first_row < 128 else moved == 0


def a_renderer(clip: PortraitClip) -> tuple[PortraitRenderer, list[tuple[torch.Tensor, ...]]]:
    torch.manual_seed(0)
    model, generator = Portrait3D(TINY), torch.Generator().manual_seed(1)
    torch.nn.init.normal_(model.motion_adapter.out.weight)
    torch.nn.init.normal_(model.super_resolution.up2.weight)
    rest = torch.full((3, 64, 64), -1.0)
    person = Identity(
        planes=torch.randn(3, 4, 32, 32, generator=generator),
        torso=torch.rand(4, 128, 128, generator=generator),
        background=torch.zeros(3, 128, 128),
        canonical_pncc=rest,
        source_pncc=rest,
        source_keypoints=torch.zeros(4, 2),
    )
    drives = [
        (torch.rand(3, 64, 64, generator=generator), clip.camera_to_world[i], clip.intrinsics[i], clip.keypoints[i])
        for i in [0, 1, 2, 1, 0, 2, 1]
    ]  # fmt: skip
    return PortraitRenderer(model, person), drives


@pytest.mark.parametrize("workers", [1, 3])
def test_frames_are_the_same_and_in_order_whatever_the_threads(clip, workers: int) -> None:
    renderer, drives = a_renderer(clip)
    before = torch.get_num_threads()
    one_by_one = [renderer.frame(*drive) for drive in drives]
    got = list(renderer.frames(iter(drives), workers))
    assert len(got) == len(drives)
    assert all(torch.equal(a, b) for a, b in zip(got, one_by_one, strict=True))
    assert not torch.equal(got[0], got[4])  # they do differ
    assert torch.get_num_threads() == before


def test_few_frames_are_taken_ahead(clip) -> None:
    renderer, drives = a_renderer(clip)
    taken = 0

    def stream():
        nonlocal taken
        while True:  # an endless stream must not be gathered
            taken += 1
            yield drives[0]

    frames = renderer.frames(stream(), 2)
    for _ in range(3):
        next(frames)
    frames.close()
    assert taken <= 3 + 2 * 2 + 1


def test_a_frame_that_cannot_be_drawn_ends_the_stream(clip) -> None:
    renderer, drives = a_renderer(clip)
    away = drives[1][1].clone()
    away[:3, 3] += 1000  # the head is out of the picture
    frames = renderer.frames([drives[0], (drives[1][0], away, *drives[1][2:]), drives[2]], 2)
    next(frames)
    with pytest.raises(ValueError, match="out of the picture"):
        list(frames)
