"""A convolution and its batch norm."""

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvNorm(nn.Module):
    """Convolution without bias, then batch norm; the size is kept at stride 1."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = kernel // 2 * dilation
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, stride, padding, dilation, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) -> (B, out, H / stride, W / stride)."""
        return self.norm(self.conv(x))

    def folded(self) -> nn.Conv2d:
        """The one convolution that both are in evaluation."""
        return fuse_conv_bn_eval(self.conv.eval(), self.norm.eval())
