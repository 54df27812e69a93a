"""The bench of straight lines: lines are those of school, curves are told with their ends, the chart shows them."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from bench.line_scaling import chart, curve, figures, grown, timed
from bench.straight import line_through


def test_points_on_a_line():
    line = line_through([(x, 3 + 2 * x) for x in (1, 10, 100)])
    assert (line.slope, line.base, line.r_squared) == pytest.approx((2, 3, 1))
    assert line.deviation == pytest.approx(0, abs=1e-9)


def test_points_off_a_line():
    """Of y = x² at 1, 2 and 3 the weights 1/y² leave 1, 4 and 9 on y = ax + b with the normal equations' solution."""
    weights, x, y = [1, 1 / 16, 1 / 81], [1, 2, 3], [1, 4, 9]
    total = sum(weights)
    at, up = (sum(w * v for w, v in zip(weights, of, strict=True)) / total for of in (x, y))
    slope = sum(w * (a - at) * (b - up) for w, a, b in zip(weights, x, y, strict=True))
    slope /= sum(w * (a - at) ** 2 for w, a in zip(weights, x, strict=True))
    line = line_through(list(zip(x, y, strict=True)))
    assert line.slope == pytest.approx(slope)
    assert line.base == pytest.approx(up - slope * at)
    off = [abs(b - up - slope * (a - at)) / (up + slope * (a - at)) for a, b in zip(x, y, strict=True)]
    assert line.deviation == pytest.approx(max(off))
    assert line.r_squared < 1


def test_what_is_flat_deviates_from_nothing():
    line = line_through([(1, 5), (2, 5), (4, 5)])
    assert (line.slope, line.base, line.deviation) == pytest.approx((0, 5, 0), abs=1e-9)


@pytest.mark.parametrize("points", [[], [(1, 1), (2, 2)], [(1, 0), (2, 1), (3, 2)]])
def test_no_line(points):
    with pytest.raises(ValueError, match="three points"):
        line_through(points)


def test_figures_of_curves():
    straight = curve("second of speech", "s", [(8, 19.0), (2, 7.0), (32, 67.0)])
    two = curve("pixel", "ms of CPU", [(65536, 60.0), (262144, 90.0)])
    found = {one["name"]: one for one in figures({"time by length": straight, "time by size": two})}
    assert found["time by length/slope"]["value"] == pytest.approx(2)
    assert found["time by length/at 0"]["value"] == pytest.approx(3)
    assert found["time by length/R squared"]["holds"] is True
    assert found["time by length/32"]["value"] == 67.0
    assert found["time by size/R squared"]["value"] is None
    assert found["time by size/R squared"]["reason"] == "2 points are no line"


def test_the_median_of_the_rounds_counts():
    turns = {1: 0, 2: 0}

    def work(number: int):
        def count() -> None:
            turns[number] += 1

        return count

    found = timed({1: work(1), 2: work(2)}, 3)
    assert turns == {1: 4, 2: 4}  # once for warmth
    assert list(found) == [1, 2] and min(found.values()) >= 0


def test_memory_is_what_a_process_grows_by():
    size = 2**26  # bytes; numpy asks the system for so much, which counts when it is written to
    assert grown(lambda: np.ones(size, np.uint8)) == pytest.approx(64, abs=2)
    assert grown(lambda: None) == pytest.approx(0, abs=2)


def test_the_chart_shows_what_is_to_be_straight():
    drawn = chart(
        {"time by rays": curve("rays", "ms", [(1, 2.0), (4, 8.0)]), "other": curve("", "", [(1, 1)])}
    )
    root = ElementTree.fromstring(drawn)
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "time by rays" in texts and "other" not in texts
