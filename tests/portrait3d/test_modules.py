from dataclasses import replace

import pytest
import torch
from torch import nn

from portrait3d import PortraitConfig
from portrait3d.decoder import effective_linear
from portrait3d.image_to_plane import ImageToPlane
from portrait3d.motion_adapter import MotionAdapter
from portrait3d.plane_axes import PNCC_WINDOW, place_diff, to_world
from portrait3d.segformer import MiTEncoder, ReducedAttention
from portrait3d.super_resolution import SuperResolution

TINY = PortraitConfig(
    plane_channels=4, plane_resolution=32, decoder_hidden=8, ray_grid=16, ray_samples=6, pncc_size=64,
    adapter_dims=(8, 8, 16, 16), adapter_heads=(1, 1, 2, 2), adapter_width=8, encoder_width=8,
    encoder_tokens=16, encoder_depth=1, super_resolution_width=8, torso_width=4,
)  # fmt: skip


def test_encoder_levels_have_the_published_strides() -> None:
    levels = MiTEncoder(3, (8, 8, 16, 16), (1, 1, 1, 1), (1, 1, 2, 2), (8, 4, 2, 1))(
        torch.zeros(1, 3, 64, 64)
    )
    assert [level.shape[-1] for level in levels] == [16, 8, 4, 2]


def test_reduction_of_one_is_plain_attention() -> None:
    torch.manual_seed(0)
    ours = ReducedAttention(16, 2, 1).eval()
    theirs = nn.MultiheadAttention(16, 2, batch_first=True).eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.q.weight, ours.kv.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.q.bias, ours.kv.bias]))
        theirs.out_proj.load_state_dict(ours.proj.state_dict())
        x = torch.randn(2, 12, 16)
        assert torch.allclose(ours(x, 3, 4), theirs(x, x, x, need_weights=False)[0], atol=1e-5)


def test_world_axes_flip_back() -> None:
    planes = torch.randn(1, 3, 2, 4, 4)
    assert torch.equal(to_world(to_world(planes)), planes)
    assert torch.equal(to_world(planes)[0, 0, :, 0], planes[0, 0, :, -1])  # the top row is the highest y


def test_an_untrained_adapter_adds_nothing() -> None:
    pncc = torch.randn(1, 3, 64, 64)
    diff = MotionAdapter(TINY)(pncc, pncc, pncc)
    assert diff.shape == (1, 3, 4, 32, 32)
    assert not diff.any()


def test_rest_moves_nothing_whatever_the_adapter_learned() -> None:
    torch.manual_seed(0)
    adapter = MotionAdapter(TINY)
    torch.nn.init.normal_(adapter.out.weight)
    rest, source, moved = torch.rand(3, 1, 3, 64, 64)
    diff = adapter(rest, source, torch.cat([rest, moved]))
    assert float(diff[0].detach().abs().max()) < 1e-5
    assert float(diff[1].detach().std()) > 0.01
    assert torch.allclose(diff[1:], adapter(rest, source, moved), atol=1e-5)


def test_published_adapter_answers_at_rest_too() -> None:
    torch.manual_seed(0)
    adapter = MotionAdapter(replace(TINY, adapter_from_rest=False))
    torch.nn.init.normal_(adapter.out.weight)
    rest, source, moved = torch.rand(3, 1, 3, 64, 64)
    assert torch.equal(adapter(rest, source, moved), adapter.answer(rest, source, moved))
    assert float(adapter(rest, source, rest).detach().std()) > 0.01


def test_image_to_plane_shapes_and_gradients() -> None:
    net = ImageToPlane(TINY)
    planes = net(torch.rand(2, 3, 128, 128))
    assert planes.shape == (2, 3, 4, 32, 32)
    planes.square().mean().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in net.parameters())


def test_untrained_super_resolution_enlarges_colour_and_alpha() -> None:
    features = torch.rand(1, 4, 8, 8)
    with torch.no_grad():
        colour, alpha = SuperResolution(4, 8)(features, torch.full((1, 1, 8, 8), 0.25))
    assert colour.shape == (1, 3, 32, 32)
    assert torch.allclose(alpha, torch.full_like(alpha, 0.25))
    assert float((colour.mean((2, 3)) - features[:, :3].mean((2, 3))).abs().max()) < 0.05


def test_effective_linear_sees_through_wrappers() -> None:
    class Doubled(nn.Module):
        def __init__(self, inner: nn.Linear) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * self.inner(x) + 1

    inner = nn.Linear(3, 5)
    weight, bias = effective_linear(Doubled(inner), 3)
    assert torch.allclose(weight, 2 * inner.weight, atol=1e-6)
    assert torch.allclose(bias, 2 * inner.bias + 1, atol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"), [("plane_channels", 0), ("pncc_size", 100), ("adapter_heads", (3, 3, 3, 3))]
)
def test_bad_sizes_are_quoted(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"0|100|3 heads"):
        PortraitConfig(**{field: value})


def test_a_diff_plane_lies_where_its_picture_looks() -> None:
    diff = torch.zeros(1, 3, 1, 64, 64)
    diff[0, 0, 0, 31:33, 31:33] = 1.0  # the middle of the PNCC picture
    placed = place_diff(diff, 100, 1.0)
    rows, columns = (placed[0, 0, 0] > 0.5).nonzero(as_tuple=True)
    assert columns.float().mean().item() == pytest.approx(49.5, abs=1)  # x = 0
    assert rows.float().mean().item() == pytest.approx(47.0 - 0.5 + 0.5, abs=1)  # y = -0.028
    assert not placed[0, 0, 0, :18].any()
    assert not placed[0, 0, 0, 76:].any()


def test_the_window_is_that_of_the_pncc_picture() -> None:
    face3dmm = pytest.importorskip("face3dmm.pncc")
    x0, y0, side = face3dmm.PNCC_CROP
    depth, focal, scale, shift = 9.8, 4.2647, 0.27, 0.006
    world_x = (x0 - 0.5) * depth / focal * scale
    top, bottom = (-(v - 0.5) * depth / focal * scale + shift for v in (y0, y0 + side))
    assert (world_x, -world_x, bottom, top) == pytest.approx(PNCC_WINDOW, abs=0.003)


def test_an_even_surface_is_enlarged_without_a_checker() -> None:
    torch.manual_seed(0)
    enlarge = SuperResolution(4, 8)
    torch.nn.init.normal_(enlarge.up2.weight)
    features, opacity = torch.full((1, 4, 24, 24), 0.4), torch.full((1, 1, 24, 24), 0.8)
    with torch.no_grad():
        colour, alpha = enlarge(features, opacity)
    inside = torch.cat([colour, alpha], 1)[..., 36:-36, 36:-36]  # the border is seen 9 rays deep
    assert float((inside - inside[..., :1, :1]).abs().max()) < 1e-5
    assert (
        float((inside[0, :, 0, 0] - torch.tensor([0.4, 0.4, 0.4, 0.8])).abs().max()) > 0.1
    )  # it adds something


def test_half_the_size_is_the_mean_of_each_two_by_two_pixels() -> None:
    torch.manual_seed(0)
    enlarge = SuperResolution(4, 8).double()
    torch.nn.init.normal_(enlarge.up2.weight)
    features = torch.rand(2, 4, 8, 12, dtype=torch.float64)
    opacity = torch.rand(2, 1, 8, 12, dtype=torch.float64)
    with torch.no_grad():
        whole, half = enlarge(features, opacity), enlarge.halved(features, opacity)
    for large, small in zip(whole, half, strict=True):
        assert torch.allclose(small, torch.nn.functional.avg_pool2d(large, 2), rtol=1e-9, atol=1e-12)
