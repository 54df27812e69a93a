import torch

from portrait3d.full.deeplab import AtrousPyramid, DeepLab
from tiny_full import TINY


def test_one_branch_sees_the_whole_picture():
    torch.manual_seed(0)
    pyramid = AtrousPyramid(2, 3).eval()
    x = torch.rand(1, 2, 5, 5)
    other = x.clone()
    other[..., 4, 4] += 1
    # dilations are larger than the picture, so only the mean tells the first pixel of the last one
    assert not torch.equal(pyramid(other)[..., 0, 0], pyramid(x)[..., 0, 0])
    with torch.no_grad():
        pyramid.whole.weight.zero_()
    torch.testing.assert_close(pyramid(other)[..., 0, 0], pyramid(x)[..., 0, 0], rtol=0, atol=0)


def test_dilated_branches_reach_12_24_and_36_pixels():
    pyramid = AtrousPyramid(1, 1).eval()
    for parameter in pyramid.parameters():
        torch.nn.init.ones_(parameter)
    torch.nn.init.zeros_(pyramid.whole.weight)
    x = torch.zeros(1, 1, 80, 80, requires_grad=True)
    pyramid(x + 1)[0, 0, 40, 40].backward()
    seen = {
        (row - 40, column - 40): x.grad[0, 0, row, column] for row, column in x.grad[0, 0].nonzero().tolist()
    }
    steps = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]
    assert seen == {(rate * r, rate * c): 1 for rate in (12, 24, 36) for r, c in steps} | {(0, 0): 4}


def test_size():
    assert DeepLab(5, TINY).eval()(torch.randn(1, 5, 64, 64)).shape == (1, TINY.aspp_width, 8, 8)
