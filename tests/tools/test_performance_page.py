"""The page of stages says what the bench kept."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import performance_page
from bench.line_scaling import curve, figures


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


def test_curves_come_with_their_ends_and_how_straight_they_are():
    curves = {
        "time by rays": curve("ray", "ms of CPU", [(10, 2.0), (20, 4.0), (40, 8.0)]),
        "time by size": curve("pixel", "ms of CPU", [(65536, 60.0), (262144, 90.5)]),
    }
    kept = json.loads(json.dumps({"figures": figures(curves), "curves": curves}))
    assert list(performance_page.straight(kept))[2:] == [
        "| time by rays (ray) | 2 ms of CPU at 10 | 8 ms of CPU at 40 | 1.0000 | 0.0% |",
        "| time by size (pixel) | 60 ms of CPU at 65536 | 90.5 ms of CPU at 262144 | - | - |",
    ]


def test_sizes_of_piped_video_stand_side_by_side():
    told = [("256/rate", 25.0, "1/s"), ("512/rate", 12.34, "1/s"), ("512/growth", 0.5, "s a minute")]
    kept = {"figures": [{"name": name, "value": value, "unit": unit} for name, value, unit in told]}
    assert list(performance_page.piped(kept)) == [
        "| | 256 x 256 | 512 x 512 |",
        "|---|---|---|",
        "| rate | 25 1/s | 12.3 1/s |",
        "| growth | - | 0.5 s a minute |",
    ]


def test_what_was_never_measured_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "stages.json").write_text((performance_page.RESULTS / "stages.json").read_text())
    monkeypatch.setattr(performance_page, "RESULTS", tmp_path)
    page = performance_page.page()
    assert "One frame of" in page
    assert not any(title in page for title in ("More of everything", "Through pipes", "The preset `full`"))
    curves = {"time by rays": curve("ray", "ms", [(1, 2.0), (2, 4.0), (4, 8.0)])}
    result = {"machine": "m", "commit": "c" * 40, "figures": figures(curves), "curves": curves}
    (tmp_path / "line_scaling.json").write_text(json.dumps(result))
    assert "| time by rays (ray) |" in performance_page.page()


def test_the_preset_full_has_tables_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "stages.json").write_text((performance_page.RESULTS / "stages.json").read_text())
    rows = [("matrix products", 70.0, "GFLOP/s"), ("copying", 12.0, "GB/s"), ("rays", 60.0, "ms of CPU")]
    figures = [
        {"name": f"{group}/{name}", "value": value, "unit": unit, "baseline": None}
        for group in performance_page.FULL_GROUPS
        for name, value, unit in (*rows, ("all", 60.0, "ms of CPU"))
    ]
    result = {"machine": "m", "commit": "c" * 40, "figures": figures}
    (tmp_path / "stages_full.json").write_text(json.dumps(result))
    monkeypatch.setattr(performance_page, "RESULTS", tmp_path)
    told = performance_page.page().partition("## The preset `full`")[2]
    assert told.count("| rays | 60.0 | 100% | - | - |") == 2
