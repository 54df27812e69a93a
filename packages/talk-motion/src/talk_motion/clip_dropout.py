"""Dropout that does not depend on how a batch is shared."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ClipDropout(nn.Dropout):
    """Dropout whose mask is drawn for the whole batch, of which a share may be computed here.

    Attributes:
        place: (k, n) where x holds the clips k, k + n, k + 2n, … of the batch.
    """

    place: tuple[int, int] = (0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, ...)."""
        number, shares = self.place
        if shares == 1 or not self.training or self.p == 0:
            return super().forward(x)
        # Masks are filled in the order of memory, which must be that of the whole batch.
        strides = x.stride()
        order = sorted(range(x.dim()), key=strides.__getitem__, reverse=True)
        size = (len(x) * shares, *x.shape[1:])
        ones = torch.empty_permuted(size, order, dtype=x.dtype, device=x.device).fill_(1)
        return x * F.dropout(ones, self.p)[number::shares]
