import torch

from portrait3d.full.resnet import DilatedResNet, ResidualBlock


def test_it_has_the_parameters_of_resnet_34():
    with torch.device("meta"):
        net = DilatedResNet(3, 64, (3, 4, 6, 3))
    # torchvision's resnet34 has 21,797,672, of which its last layer has 513,000
    assert sum(p.numel() for p in net.parameters()) == 21_797_672 - 513_000


def test_the_output_is_an_eighth_and_the_last_stages_are_dilated():
    net = DilatedResNet(5, 4, (1, 1, 1, 1)).eval()
    assert net(torch.randn(1, 5, 64, 48)).shape == (1, 32, 8, 6)
    seen = {
        m.dilation
        for m in net.stages[3].modules()
        if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)
    }
    assert seen == {(4, 4)}


def test_a_block_of_zero_weights_passes_what_is_positive():
    block = ResidualBlock(2, 2, stride=1, dilation=1).eval()
    for conv in (block.first.conv, block.second.conv):
        torch.nn.init.zeros_(conv.weight)
    x = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(block(x), x.relu())
