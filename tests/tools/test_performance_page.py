"""The page of stages says what the bench kept."""

import json

import performance_page


def test_the_page_is_that_of_the_kept_result():
    assert performance_page.PAGE.read_text() == performance_page.page(), (
        "run  python tools/performance_page.py"
    )


def test_stages_come_by_size_with_their_floors():
    def row(name: str, value: float, unit: str, baseline: float | None = None) -> dict[str, object]:
        return {"name": f"render/{name}", "value": value, "unit": unit, "baseline": baseline}

    figures = [
        row("matrix products", 70.0, "GFLOP/s of one core"),
        row("copying", 12.0, "GB/s of one core, read and written"),
        row("torso", 20.0, "ms of CPU", 5.0),
        row("rays", 60.0, "ms of CPU"),
        row("all", 80.0, "ms of CPU"),
    ]
    lines = list(performance_page.table(json.loads(json.dumps(figures)), "render"))
    assert lines[0].endswith("at 70.0 GFLOP/s and 12.0 GB/s meanwhile.")
    assert lines[-2:] == ["| rays | 60.0 | 75% | - | - |", "| torso | 20.0 | 25% | 5.0 | 4.0 |"]
