"""The flow: exact velocities land on the data, solvers have their order, masks hide what they promise."""

import math
from unittest.mock import MagicMock

import pytest
import torch

from talk_motion.flow import PASSES, infill_mask, path, solve


def test_one_step_along_the_exact_velocity_lands_on_the_data() -> None:
    generator = torch.Generator().manual_seed(0)
    noise, data = torch.randn(2, 3, 7, 5, generator=generator)
    start, velocity = path(noise, data, torch.zeros(3))
    torch.testing.assert_close(start, noise)
    torch.testing.assert_close(solve(lambda x, t: velocity, noise, 1), data)
    middle, same = path(noise, data, torch.full((3,), 0.25))
    torch.testing.assert_close(same, velocity)
    torch.testing.assert_close(middle + 0.75 * velocity, data)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2)])
def test_order_of_the_solvers(method: str, order: int) -> None:
    # dx/dt = -2 t x has x(1) = x(0) / e. Halving the step divides the error by 2^order.
    start = torch.ones(1, dtype=torch.double)
    errors = [
        abs(float(solve(lambda x, t: -2 * t * x, start, steps, method)) - math.exp(-1))
        for steps in (32, 64)  # type: ignore[arg-type]
    ]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


def test_passes_are_counted_right() -> None:
    for method, wanted in PASSES.items():
        field = MagicMock(side_effect=lambda x, t: x)
        solve(field, torch.zeros(1), 3, method)  # type: ignore[arg-type]
        assert field.call_count == 3 * wanted


def test_agrees_with_torchdiffeq() -> None:
    torchdiffeq = pytest.importorskip("torchdiffeq", reason="torchdiffeq is only an oracle")
    start = torch.linspace(-1, 1, 5, dtype=torch.double)

    def field(t: float | torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(3 * x) + torch.as_tensor(t)

    grid = torch.linspace(0, 1, 9, dtype=torch.double)
    for method in ("euler", "midpoint"):
        wanted = torchdiffeq.odeint(field, start, grid, method=method)[-1]
        torch.testing.assert_close(solve(lambda x, t: field(t, x), start, 8, method), wanted)  # type: ignore[arg-type]


def test_masks_hide_sixty_to_all_and_come_in_spans_and_scatter() -> None:
    generator = torch.Generator().manual_seed(0)
    masks = [infill_mask(100, generator) for _ in range(400)]
    shares = torch.tensor([float(mask.float().mean()) for mask in masks])
    assert shares.min() >= 0.6
    assert shares.max() == 1.0
    partial = [mask for mask in masks if not mask.all()]
    one_span = [int(mask.int().diff().abs().sum()) <= 2 for mask in partial]
    assert 0.4 < sum(one_span) / len(one_span) < 0.6
    assert 0.08 < 1 - len(partial) / len(masks) < 0.2


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="steps"):
        solve(lambda x, t: x, torch.zeros(1), 0)
    with pytest.raises(ValueError, match="rk9"):
        solve(lambda x, t: x, torch.zeros(1), 1, "rk9")  # type: ignore[arg-type]
