"""A person's posed guide: nothing before it learns, and afterwards what the picture is where the mesh is."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ball_portrait import TINY, ball_clip
from portrait3d.adaptation import PortraitAdaptation
from portrait3d.clip import PortraitClip
from portrait3d.drawing import PortraitRenderer
from portrait3d.held_out import whole_picture
from portrait3d.errors import InputError
from portrait3d.frame_loss import draw_frame
from portrait3d.head_bounds import Window
from portrait3d.identity import Identity
from portrait3d.model import Portrait3D
from portrait3d.posed_guide import CHANNELS, FACE, HIDDEN, INNER, PosedGuide

WIDTH = TINY.super_resolution_width // 2


def told_where(count: int = 4) -> PortraitClip:
    """The ball with a white patch that wanders over it: its PNCC are all alike, only the posed ones tell where
    the patch is."""
    clip = ball_clip(count)
    frames, posed = clip.frames.clone(), torch.zeros(count, 3, 64, 64, dtype=torch.uint8)
    for index in range(count):
        row, column = 52 + 8 * (index % 2), 52 + 8 * (index // 2)
        frames[index, row : row + 12, column : column + 12] = 255
        posed[index, :, row // 2 : row // 2 + 6, column // 2 : column // 2 + 6] = 255
    return replace(clip, frames=frames, posed=posed, pncc=clip.pncc[:1].expand_as(clip.pncc))


def learner(clip: PortraitClip, *, guided: bool = True) -> PortraitAdaptation:
    torch.manual_seed(1)
    return PortraitAdaptation(Portrait3D(TINY), clip, 0, plane_resolution=32, window=24, guided=guided)


def learned(clip: PortraitClip, *, guided: bool) -> PortraitAdaptation:
    backbone = learner(clip, guided=guided)
    values = [value for value, _ in backbone.static_parameters().values()]
    optimizer = torch.optim.Adam([*values, *backbone.model.super_resolution.parameters()], lr=0.01)
    generator = torch.Generator().manual_seed(1)
    for _ in range(60):
        optimizer.zero_grad()
        backbone.loss(generator)[0].backward()
        optimizer.step()
    return backbone


def test_before_it_learns_a_guide_changes_nothing():
    guide = PosedGuide(WIDTH)
    assert not guide(torch.randn(2, 3, 6, 8)).any()
    clip = told_where()
    with_one, without = (learner(clip, guided=guided) for guided in (True, False))
    assert without.guide is None
    assert torch.equal(with_one.draw(1), without.draw(1))


def test_it_is_convolved_as_if_the_whole_picture_were_on_empty_ground():
    generator = torch.Generator().manual_seed(1)
    guide = PosedGuide(WIDTH).double()
    for value in guide.parameters():
        value.data.normal_(generator=generator)
    for rows, columns in (
        (slice(9, 20), slice(12, 30)),
        (slice(0, 24), slice(30, 36)),
        (slice(0, 0), slice(0, 0)),
    ):
        posed = torch.full((2, 3, 24, 36), -1.0, dtype=torch.float64)
        posed[..., rows, columns] = torch.rand(posed[..., rows, columns].shape, generator=generator).double()
        padded = F.pad(posed, (2,) * 4, value=-1.0)
        padded = torch.cat([padded, guide._looked_up(padded)], 1)
        hidden = F.leaky_relu(F.conv2d(padded, guide.first.weight, guide.first.bias), 0.2)
        wanted = F.conv2d(hidden, guide.last.weight, guide.last.bias)
        torch.testing.assert_close(guide(posed), wanted)
        values = list(guide.parameters())
        own, dense = (
            torch.autograd.grad(out.square().sum(), values, allow_unused=True, materialize_grads=True)
            for out in (guide(posed), wanted)
        )
        torch.testing.assert_close(own, dense)


def test_each_place_of_the_face_and_of_what_is_behind_has_its_own_texel():
    guide = PosedGuide(WIDTH)
    x, y = 31, 200  # of the face's texels; the inner parts' are half as many
    place = torch.tensor([(2 * x + 1) / FACE - 1, (2 * y + 1) / FACE - 1])
    behind = torch.tensor([(2 * 5 + 1) / INNER - 1, (2 * 60 + 1) / INNER - 1])
    posed = torch.full((1, 3, 4, 4), -1.0)
    posed[0, :2, 1, 2], posed[0, 2, 1, 2] = place, 0.3
    posed[0, :2, 3, 0] = behind  # its depth is -1
    found = guide._looked_up(posed)
    torch.testing.assert_close(found[0, 0, 1, 2], guide.face[0, y, x])
    torch.testing.assert_close(found[0, 0, 3, 0], guide.inner[0, 60, 5])
    assert int((found[:, 0] != 0).sum()) == 2


def test_its_beginning_is_the_same_in_every_run_and_leaves_other_chance_alone():
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    first, second = PosedGuide(WIDTH), PosedGuide(WIDTH)
    assert torch.equal(torch.rand(1), wanted)
    assert torch.equal(first.first.weight, second.first.weight)
    assert torch.equal(first.face, second.face)
    assert first.first.weight.shape == (HIDDEN, 3 + CHANNELS, 3, 3)


def test_what_only_the_posed_picture_tells_is_learned_by_a_guide_alone():
    clip = told_where()
    errors = {}
    for guided in (True, False):
        backbone = learned(clip, guided=guided)
        drawn = torch.cat([backbone.draw(index) for index in range(len(clip))])
        true = clip.frames.permute(0, 3, 1, 2).float() / 255
        where = (true > 0.99).all(1, keepdim=True).any(0, keepdim=True)  # of any frame
        errors[guided] = float(((drawn - true).abs() * where).sum() / where.sum())
    assert errors[True] < 0.7 * errors[False]


def test_the_renderer_draws_what_was_learned_and_a_file_keeps_it():
    backbone = learned(told_where(), guided=True)
    backbone.background.data.clamp_(-1, 1)  # as an identity is kept
    person = Identity.from_tensors(backbone.identity().tensors())
    clip, model = backbone.clip, backbone.model
    renderer = PortraitRenderer(model, person, precision="float32")
    assert renderer.pncc_sizes == (TINY.pncc_size, 2 * TINY.ray_grid)
    drive = (clip.driving_pncc(2)[0], clip.camera_to_world[2], clip.intrinsics[2], clip.keypoints[2])
    with torch.no_grad():
        diff = model.motion_adapter(backbone.canonical, backbone.source_pncc, drive[0][None])
        wanted = whole_picture(draw_frame(model, clip, backbone.layers(), diff, 2, None))[0]
    got = renderer.frame(*drive, clip.posed_pncc(2)[0]).permute(2, 0, 1)
    assert (got - 255 * wanted).abs().max() <= 1.01  # rounding to bytes, and sums in another order
    elsewhere = renderer.frame(*drive, clip.posed_pncc(1)[0]).permute(2, 0, 1)
    assert (got.int() - elsewhere).abs().max() > 20
    with pytest.raises(ValueError, match="give the posed PNCC"):
        renderer.frame(*drive)


def striped() -> PortraitClip:
    """The ball with stripes a pixel or two wide that move with it, and no mesh anywhere."""
    clip = ball_clip()
    frames = clip.frames.clone()
    for index, mask in enumerate(clip.head_mask > 0):
        column = torch.arange(mask.shape[1])
        middle = (mask.any(0) * column).sum() / mask.any(0).sum()
        dark = ((column - middle) % 4 < 2).expand_as(mask)
        frames[index][mask & dark] = 40
    return replace(clip, frames=frames, posed=torch.zeros(len(clip), 3, 64, 64, dtype=torch.uint8))


def test_detail_finer_than_the_rays_is_learned_where_there_is_no_mesh(monkeypatch):
    contrast = {}
    for domed in (True, False):
        if not domed:
            monkeypatch.setattr(PosedGuide, "on_dome", lambda *_: torch.zeros(()))
        backbone = learned(striped(), guided=True)
        clip = backbone.clip
        drawn = torch.cat([backbone.draw(index) for index in range(len(clip))]).mean(1)
        true = clip.frames.float().mean(-1) / 255
        inside = (clip.head_mask > 0)[..., :-2]
        drawn, true = ((x[..., 2:] - x[..., :-2])[inside] for x in (drawn, true))
        contrast[domed] = float((drawn * true).sum() / true.square().sum())
    assert contrast[True] > 0.2 > 5 * contrast[False]


def test_open_eyes_are_learned_by_the_guides_textures_and_by_nothing_that_stands_still():
    posed = torch.full((1, 3, 64, 64), -1.0)
    posed[0, :, 24:32, 20:44] = torch.tensor([0.3, 0.5, -1.0])[:, None, None]  # an eye
    posed[0, :, 44:52, 20:44] = torch.tensor([0.3, -0.5, -1.0])[:, None, None]  # teeth
    posed[0, :, 32:44, 20:44] = 0.2  # skin
    guide, clip = PosedGuide(WIDTH), ball_clip()
    torch.nn.init.normal_(guide.last.weight)
    over = guide.over(posed, clip.camera_to_world[0], clip.intrinsics[0])
    window = Window(8, 8, 20, 16)
    rays = torch.randn(1, 5, 20, 16, requires_grad=True)
    held = over.beside_eyes(rays, window)
    assert torch.equal(held, rays)
    (gradient,) = torch.autograd.grad(held.sum(), rays)
    eye = torch.zeros(20, 16, dtype=torch.bool)
    eye[12 - 8 : 16 - 8, 10 - 8 : 22 - 8] = True
    assert torch.equal(gradient[0, 0] == 0, eye)

    where = torch.zeros(1, WIDTH, 64, 64)
    where[..., 24:32, 20:44] = 1
    where = window.take_pixels(where, 2)
    (over(window) * where).sum().backward()
    assert not guide.head.grad.any()
    assert guide.inner.grad.any()
    guide.head.grad = None
    (over(window) * (1 - where)).sum().backward()
    assert guide.head.grad.any()
    assert over.beside_eyes(rays.detach(), window).equal(rays)


def test_a_guide_of_before_there_was_a_dome_draws_as_it_did():
    guide = PosedGuide(WIDTH)
    before = {name: value for name, value in guide.state_dict().items() if name != "head"}
    assert not PosedGuide.from_tensors(before).head.any()


def test_a_person_without_a_guide_needs_no_posed_pncc():
    clip = ball_clip()
    backbone = learner(clip)
    assert backbone.guide is None
    assert not any(name.startswith("guide.") for name in backbone.identity().tensors())
    assert PortraitRenderer(backbone.model, backbone.identity()).pncc_sizes == (TINY.pncc_size, None)
    guided = replace(backbone.layers(), guide=PosedGuide(WIDTH))
    with pytest.raises(ValueError, match="the clip no posed PNCC"):
        draw_frame(backbone.model, clip, guided, torch.zeros(1, 3, 4, 8, 8), 0, None)


def test_values_that_are_no_guide_are_refused():
    with_more = PosedGuide(WIDTH).state_dict() | {"more": torch.zeros(1)}
    for values in ({"last.bias": torch.zeros(4)}, {}, with_more):
        with pytest.raises(InputError, match="damaged or of another version\\nLearn the person again"):
            PosedGuide.from_tensors(values)


def test_frames_follow_on_only_where_they_did_in_the_video():
    clip = ball_clip(6).take([0, 1, 2, 4, 5])
    assert clip.in_video().tolist() == [0, 1, 2, 4, 5]
    assert [clip.follow_on(index) for index in range(5)] == [False, True, False, False, False]
    untrusted = replace(clip, confidence=torch.tensor([1.0, 1, 0, 1, 1]))
    assert not untrusted.follow_on(1)
