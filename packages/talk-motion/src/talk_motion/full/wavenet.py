"""WaveNet layers without dilation, as encoder, decoder and prior of the VAE use them."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


class WaveNet(nn.Module):
    """Gated convolutions with residual and skip paths (van den Oord et al. 2016, section 2.3 and 2.4)."""

    def __init__(self, width: int, kernel: int, layers: int, condition: int) -> None:
        super().__init__()
        self.width = width
        self.condition = weight_norm(nn.Conv1d(condition, 2 * width * layers, 1))
        self.gates = nn.ModuleList(
            weight_norm(nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2)) for _ in range(layers)
        )
        # The last layer has no residual path: nothing comes after it.
        outputs = [2 * width] * (layers - 1) + [width]
        self.outputs = nn.ModuleList(weight_norm(nn.Conv1d(width, channels, 1)) for channels in outputs)

    def forward(self, x: Tensor, condition: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, width, T) and (B, condition, T) -> (B, width, T).

        Args:
            x, condition: signal and what it depends on.
            valid: (B, 1, T) float, 0 for padding; None where there is none.
        """
        skipped = torch.zeros_like(x)
        conditions = self.condition(condition).chunk(len(self.gates), dim=1)
        for gate, output, given in zip(self.gates, self.outputs, conditions, strict=True):
            value, opening = (gate(x) + given).chunk(2, dim=1)
            found = output(torch.tanh(value) * torch.sigmoid(opening))
            if found.shape[1] > self.width:
                step, found = found.chunk(2, dim=1)
                x = masked(x + step, valid)
            skipped = skipped + found
        return masked(skipped, valid)


def masked(x: Tensor, valid: Tensor | None) -> Tensor:
    """Zero where padding is."""
    return x if valid is None else x * valid
