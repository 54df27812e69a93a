"""Curves as SVG: round ticks, gaps, and text that cannot break out."""

from xml.etree import ElementTree

import pytest

from mimictalk.adapt_charts import chart_file, line_chart, ticks
from mimictalk.adapt_preview import smoothed
from mimictalk.stage_clock import StageClock, peak_memory


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0.02, 0.11, [0.02, 0.04, 0.06, 0.08, 0.1]), (-1, 1, [-1, -0.5, 0, 0.5, 1]), (3, 3, [3])],
)  # fmt: skip
def test_ticks_are_round(low: float, high: float, wanted: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(wanted)


def test_a_chart_is_well_formed_and_keeps_its_gaps() -> None:
    chart = line_chart(
        "a < b", {"x & y": [(0, 1.0), (1, float("nan")), (2, 3.0)], "flat": [(0, 2.0)]}, "steps"
    )
    root = ElementTree.fromstring(chart_file(chart))
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == "a < b"
    lines = [path.get("d") for path in root.iter(f"{space}path") if path.get("class") is None]
    assert [line.count("M") for line in lines] == [2, 1]
    assert [line.count("L") for line in lines] == [0, 0]


def test_a_chart_of_nothing_says_so() -> None:
    assert "nothing to draw" in line_chart("empty", {"a": [(0, float("inf"))]}, "x")


def test_smoothing_takes_means() -> None:
    assert smoothed([(1, 1.0), (2, 3.0), (3, 5.0), (4, 7.0)], points=2) == [(2, 2.0), (4, 6.0)]
    assert smoothed([(1, 1.0)]) == [(1, 1.0)]


def test_a_clock_keeps_the_time_of_each_stage(monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr("mimictalk.stage_clock.time.monotonic", lambda: now[0])
    told: list[str] = []
    clock = StageClock(lambda stage, done, total, facts: told.append(stage))
    for at, stage in ((2.0, "read"), (3.0, "read"), (7.0, "learn")):
        now[0] = at
        clock(stage, 1, 2, {})
    now[0] = 8.5
    assert clock.seconds() == {"start": 2.0, "read": 5.0, "learn": 1.5}
    assert told == ["read", "read", "learn"]
    assert 0.01 < peak_memory() < 1000
