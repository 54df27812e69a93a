import torch

from portrait3d.full.conv_norm import ConvNorm


def test_folded_convolution_is_what_both_are():
    torch.manual_seed(0)
    block = ConvNorm(3, 5, 3, stride=2, dilation=2)
    with torch.no_grad():
        block.norm.running_mean.normal_()
        block.norm.running_var.uniform_(0.5, 2)
        block.norm.weight.normal_()
        block.norm.bias.normal_()
    block.eval()
    x = torch.randn(2, 3, 12, 12)
    expected = block(x)
    assert expected.shape == (2, 5, 6, 6)
    torch.testing.assert_close(block.folded()(x), expected)
