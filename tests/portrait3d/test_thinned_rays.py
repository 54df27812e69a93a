"""Rays at every other place: what is between them is interpolated, and a smooth head looks the same."""

import pytest
import torch

from ball_portrait import TINY
from portrait3d import model as portrait_model
from portrait3d.clip import PortraitClip
from portrait3d.model import Portrait3D
from portrait3d.posed_guide import PosedGuide
from portrait3d.thinned_rays import between, thinned


@pytest.mark.parametrize(("rows", "columns"), [(7, 9), (8, 10), (1, 2)])
def test_what_was_cast_stays_and_slopes_go_on_between(rows: int, columns: int) -> None:
    ramp = 3.0 * torch.arange(rows)[:, None] - 2.0 * torch.arange(columns)
    few = thinned(ramp[None, None])
    assert few.shape == (1, 1, -(-rows // 2), -(-columns // 2))
    back = between(few, rows, columns)
    assert torch.equal(thinned(back), few)
    inner = slice(0, (rows + 1) // 2 * 2 - 1), slice(0, (columns + 1) // 2 * 2 - 1)
    torch.testing.assert_close(back[0, 0][inner], ramp[inner])
    assert torch.equal(back[..., rows - 1, :], back[..., inner[0].stop - 1, :])  # the last cast row goes on


def test_a_guided_head_of_half_the_size_casts_a_quarter_of_the_rays(
    clip: PortraitClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = Portrait3D(TINY).eval()
    cast, render = [], portrait_model.render_planes

    def counted(planes, decoder, rays, **more):
        cast.append(rays.origins.shape[1])
        return render(planes, decoder, rays, **more)

    monkeypatch.setattr(portrait_model, "render_planes", counted)
    coarse = torch.randn(3, 4, 2, 2)
    planes = torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")[None]
    pose = clip.camera_to_world[:1], clip.intrinsics[:1]
    with torch.no_grad():
        guide = PosedGuide(TINY.super_resolution_width // 2).over(
            torch.full((1, 3, 2 * TINY.ray_grid, 2 * TINY.ray_grid), -1.0), pose[0][0], pose[1][0]
        )
        whole = model.render_head(planes, *pose, guide=guide)
        half = model.render_head(planes, *pose, guide=guide, half=True)
        model.render_head(planes, *pose, half=True)
    rows, columns = whole.window.rows, whole.window.columns
    every = rows * columns
    assert cast == [every, -(-rows // 2) * -(-columns // 2), every]  # without a guide rays alone bring detail
    assert half.window == whole.window
    assert half.raw.shape == whole.raw.shape
    torch.testing.assert_close(thinned(half.raw), thinned(whole.raw))
    inner = (..., slice(4, -4), slice(4, -4))  # away from the edge of the ellipsoid, where opacity ends
    apart = float((half.raw - whole.raw)[inner].abs().max())
    assert 0 < apart < 0.1 * float(whole.raw.abs().max())
