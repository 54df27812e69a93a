"""Quantiles of counted numbers are those of the numbers, to half a bin."""

import pytest
import torch

from talk_motion.histogram import Histogram


@pytest.fixture
def numbers() -> torch.Tensor:
    return 10 * torch.randn(5000, generator=torch.Generator().manual_seed(0))


def test_quantiles_and_means_are_those_of_the_numbers(numbers: torch.Tensor) -> None:
    counted = Histogram(-60.0, 60.0, 0.1)
    for part in numbers.split(700):
        counted.add(part)
    assert counted.total == 5000
    for share in (0.0, 0.1, 0.5, 0.67, 1.0):
        assert counted.quantile(share) == pytest.approx(float(numbers.quantile(share)), abs=0.1)
    above = numbers[numbers >= numbers.quantile(0.67)].mean()
    assert counted.mean_above(0.67) == pytest.approx(float(above), abs=0.05)
    loud = numbers[numbers >= 0.0]
    above = loud[loud >= loud.quantile(0.67)].mean()
    assert counted.mean_above(0.67, least=0.0) == pytest.approx(float(above), abs=0.05)


def test_numbers_beyond_the_range_and_faded_ones_count() -> None:
    counted = Histogram(0.0, 1.0, 0.5)
    counted.add(torch.tensor([-3.0, 0.2, 0.3, 9.0]))
    assert counted.quantile(1.0) == pytest.approx(9.0)
    counted.fade(0.5)
    counted.add(torch.tensor([0.75]), 8.0)
    assert counted.total == pytest.approx(10.0)
    assert counted.quantile(0.9) == pytest.approx((4.5 + 6.0) / 8.5)  # 9.0 and 0.75 share the last bin
