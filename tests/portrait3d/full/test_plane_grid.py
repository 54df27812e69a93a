import pytest
import torch

from portrait3d.full.plane_grid import PlaneGrid


@pytest.fixture
def planes():
    return torch.randn(2, 3, 4 * 3, 6, 6, generator=torch.Generator().manual_seed(0))


def test_layers_of_a_channel_lie_beside_one_another(planes):
    grid = PlaneGrid(4, 3)
    torch.nn.init.zeros_(grid.blocks[0].alpha)
    out = grid(planes)
    assert out.shape == (2, 3, 4, 3, 6, 6)
    assert torch.equal(out[1, 2, 3, 1], planes[1, 2, 3 * 3 + 1])


def test_layers_know_of_one_another_but_planes_do_not(planes):
    torch.manual_seed(0)
    grid = PlaneGrid(4, 3)
    torch.nn.init.ones_(grid.blocks[0].alpha)
    other = planes.clone()
    other[0, 1, 0] += 1  # plane 1, channel 0, layer 0
    changed = (grid(other) - grid(planes)).abs().amax((2, 4, 5))
    assert (changed[0, 1] > 1e-4).all()
    assert changed[0, [0, 2]].max() == changed[1].max() == 0


def test_deeper_grids_have_two_blocks_as_published():
    assert [len(PlaneGrid(4, depth).blocks) for depth in (1, 3, 4)] == [1, 1, 2]
