"""Quantiles of numbers that are counted and not kept."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Histogram:
    """Counts of numbers in equal bins, with the sum of each bin.

    Args:
        low, high: range; numbers beyond it count into the first and last bin.
        width: of a bin; quantiles are exact to about half of it.
    """

    def __init__(self, low: float, high: float, width: float) -> None:
        self._low, self._width = low, width
        self._counts = torch.zeros(round((high - low) / width), dtype=torch.double)
        self._sums = torch.zeros_like(self._counts)

    @property
    def total(self) -> float:
        """How much was counted."""
        return float(self._counts.sum())

    def add(self, values: Tensor, weight: float = 1.0) -> None:
        """Counts (n,) numbers, each as `weight` numbers."""
        last = len(self._counts) - 1
        bins = ((values.double() - self._low) / self._width).long().clamp(0, last)
        self._counts.index_add_(0, bins, torch.full(bins.shape, weight, dtype=torch.double))
        self._sums.index_add_(0, bins, weight * values.double())

    def fade(self, factor: float) -> None:
        """Makes everything counted so far count less."""
        self._counts *= factor
        self._sums *= factor

    def quantile(self, share: float) -> float:
        """The number below which `share` of them lie: the mean of its bin."""
        place = _place(self._counts, share)
        return float(self._sums[place] / self._counts[place])

    def mean_above(self, share: float, least: float = -math.inf) -> float:
        """Mean of the numbers from that quantile on, of those in bins from `least` on."""
        first = max(0, math.floor((least - self._low) / self._width)) if least > self._low else 0
        counts, sums = self._counts[first:].clone(), self._sums[first:].clone()
        place = _place(counts, share)
        # Of the quantile's own bin only what lies above it.
        part = ((counts[: place + 1].sum() - share * counts.sum()) / counts[place]).clamp(0, 1)
        counts[place] *= part
        sums[place] *= part
        return float(sums[place:].sum() / counts[place:].sum().clamp(min=1e-12))


def _place(counts: Tensor, share: float) -> int:
    """The first bin that holds something and up to which `share` of all lies."""
    filled = torch.nonzero(counts > 0).flatten()
    reached = counts[filled].cumsum(0)
    # Sums of many small weights are not exact: the last bin is the last, whatever they say.
    return int(filled[min(int(torch.searchsorted(reached, share * reached[-1])), len(filled) - 1)])
