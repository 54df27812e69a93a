"""A person before nothing: alpha blending says what must come out."""

from dataclasses import replace

import pytest
import torch

from ball_portrait import TINY
from portrait3d.cut_out import NOTHING, WHOLE, cut_out
from portrait3d.drawing import PortraitRenderer
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D

SIZE = 64


def test_no_colour_of_the_old_background_is_left_at_the_rim() -> None:
    """A red disc with a soft rim, learned before green: laid over blue there is only red and blue."""
    line = torch.arange(SIZE) - (SIZE - 1) / 2
    away = (line[:, None].square() + line.square()).sqrt()
    alpha = ((22 - away) / 8 + 0.5).clamp(0, 1)[None]
    red, green = (torch.tensor(rgb).view(3, 1, 1).float() for rgb in ((0.8, 0.1, 0.1), (0.0, 0.9, 0.0)))
    mixed = alpha * red + (1 - alpha) * green  # what the learned colours look like there
    made = cut_out(mixed * alpha, alpha)
    assert made.shape == (4, SIZE, SIZE)
    assert float((mixed - red).abs().amax()) > 0.7
    seen = made[3] > 0.05
    assert float((made[:3] - red)[:, seen].abs().max()) < 0.05
    assert float((made[:3] - red).abs().max()) < 0.05, "nor where nothing is seen: codecs mix it in"
    wanted = ((alpha - NOTHING) / (WHOLE - NOTHING)).clamp(0, 1)
    assert torch.allclose(made[3:], wanted)


def test_what_is_whole_is_left_as_it_is() -> None:
    generator = torch.Generator().manual_seed(0)
    colour = torch.rand(3, SIZE, SIZE, generator=generator)
    alpha = (torch.rand(1, SIZE, SIZE, generator=generator) > 0.5).float()
    made = cut_out(colour * alpha, alpha)
    assert torch.equal(made[3:], alpha)
    assert float(((made[:3] - colour) * alpha).abs().max()) < 1e-6


def test_the_torso_alone_is_what_is_drawn_over_the_background(bent_torso) -> None:
    with torch.no_grad():
        layer, drawn = bent_torso.folded.layer(bent_torso.target), bent_torso.folded.draw(bent_torso.target)
    over = layer[:3] + (1 - layer[3:]) * bent_torso.wall
    assert torch.allclose(over, drawn, rtol=1e-9, atol=1e-9)


def a_renderer(background: float, fusion: str = "alpha") -> PortraitRenderer:
    """An untrained person, whose every layer has alphas of all sizes, before grey."""
    torch.manual_seed(0)
    model, generator = Portrait3D(replace(TINY, fusion=fusion)), torch.Generator().manual_seed(1)
    with torch.no_grad():
        model.torso_warp.out.bias[-1] = 20.0  # all of the torso is seen
    torso = torch.rand(4, 128, 128, generator=generator)
    torso[3] = (torso[3] * 1.5).clamp(0, 1)
    rest = torch.full((3, 64, 64), -1.0)
    person = Identity(
        torch.randn(3, 4, 32, 32, generator=generator) * 2, torso,
        torch.full((3, 128, 128), background), rest, rest, torch.zeros(4, 2),
    )  # fmt: skip
    return PortraitRenderer(model, person)


def test_frames_before_nothing_are_the_same_person(clip) -> None:
    drives = [
        (frame.float() / 127.5 - 1, clip.camera_to_world[i], clip.intrinsics[i], clip.keypoints[i])
        for i, frame in enumerate(clip.pncc)
    ]
    dark, bright = a_renderer(-1.0), a_renderer(1.0)
    for made, before_dark, before_bright in zip(
        dark.frames(drives, transparent=True), dark.frames(drives), bright.frames(drives), strict=True
    ):
        assert made.shape == (128, 128, 4) and made.dtype == torch.uint8
        # What is the same before black and before white is the person; what differs by 255 is nothing.
        alpha = 1 - (before_bright.float() - before_dark.float()).mean(-1) / 255
        whole = (before_bright == before_dark).all(
            -1
        )  # alpha of 0.998 or more: a fiftieth is filled in at most
        assert 0.05 < float(whole.float().mean()) < 0.95
        assert bool((made[..., 3][whole] == 255).all())
        assert float((made[..., :3].float() - before_dark.float())[whole].abs().max()) <= 4
        wanted = ((alpha - NOTHING) / (WHOLE - NOTHING)).clamp(0, 1) * 255
        assert float((made[..., 3].float() - wanted).abs().max()) <= 3


def test_a_model_without_alpha_cannot_be_cut_out(clip) -> None:
    drive = (clip.pncc[0].float(), clip.camera_to_world[0], clip.intrinsics[0], clip.keypoints[0])
    with pytest.raises(ValueError, match="only fusion 'alpha' can be cut out, not 'concat'"):
        a_renderer(0.0, "concat").cut_out(*drive)
