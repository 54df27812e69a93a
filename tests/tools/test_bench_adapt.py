"""The adaptation bench: figures from what parts found, and parts that are kept as they come."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench import adapt as bench
from bench import adapt_parts
from bench.adapt_figures import early, earns, figures_of
from bench.adapt_parts import PARTS, Bench, measured, prepared
from measure_line import clips
from measure_line.process import CommandFailed

STILL = {
    "full_psnr": 20.0, "mouth_psnr": 21.0, "ssim": 0.8, "sharpness": 1.0, "gmsd": 0.1, "landmark_distance": 6.0,
    "lmd": 4.0, "mouth_correlation": 0.1, "flicker": 1.0, "faces_found": 1.0,
}  # fmt: skip
DRAWN = {**STILL, "full_psnr": 24.0, "mouth_psnr": 22.5, "ssim": 0.84, "sharpness": 0.7, "lmd": 2.5}
LOOKS = [[0, 1.0, {"psnr": 15.0}], [25, 60.0, {"psnr": 23.0}], [50, 120.0, {"psnr": 25.0}]]


def whole(**run) -> dict:
    run = {"over_time": LOOKS, "best_step": 50, "resumed_at": 0, "steps": 50, "seconds": 120.0, **run}
    stages = {"follow the face": 30.0, "masks": 30.0, "adapt": 130.0, "report": 5.0}
    cost = {"seconds": 300.0, "cpu_seconds": 500.0, "peak_gb": 2.0}
    return {"scores": DRAWN, "adapt": cost, "render": cost, "stages": stages, "run": run}


def rows(**changed) -> dict:
    """Rows of an ablation: `changed` gives a variant's PSNR and LMD."""
    of = {"whole": (25.0, 2.5), "no-planes": (24.0, 2.5), "no-lora": (25.0, 3.0), "random": (26.0, 2.0)}
    found = {}
    for name, (psnr, lmd) in {**of, "published": (23.0, 3.0), **changed}.items():
        figures = {"psnr": psnr, "psnr_mouth": psnr, "lmd": lmd, "sharpness": 0.8, "head_iou": 0.96}
        found[name] = {"figures": figures}
    return found


def kept(**parts) -> dict:
    return {name.replace("_", "-"): {"found": part, "commit": "c"} for name, part in parts.items()}


def named(figures: list) -> dict:
    return {one["name"]: one for one in figures}


def test_likeness_is_judged_over_the_better_still():
    stills = {"mean": STILL, "nearest": {**STILL, "full_psnr": 21.5, "mouth_psnr": 20.0}}
    found = named(figures_of({"me": kept(stills=stills, whole=whole())}, ["stills", "whole"]))
    full, mouth = found["me/full_psnr_gain"], found["me/mouth_psnr_gain"]
    assert (full["value"], full["baseline"], full["holds"]) == (2.5, 21.5, False)
    assert (mouth["value"], mouth["baseline"], mouth["holds"]) == (1.5, 21.0, True)
    assert found["me/ssim_gain"]["holds"] is True
    assert found["me/sharpness"]["holds"] is False
    assert found["me/lmd"]["holds"] is True
    assert found["me/adapt_minutes"]["value"] == 5.0
    assert found["me/adapt_peak_gb"]["holds"] is True


def test_the_early_time_counts_from_the_start_of_the_command():
    assert early(whole()) == pytest.approx((60 + 60) / 60)  # 23 dB are 92 % of 25
    assert isinstance(early(whole(over_time=[])), str)


def test_an_interrupted_run_has_no_time():
    stills = {"mean": STILL, "nearest": STILL}
    parts = kept(stills=stills, whole=whole(resumed_at=20))
    found = named(figures_of({"me": parts}, ["stills", "whole"]))
    assert found["me/adapt_minutes"]["value"] is None
    assert "interrupted" in found["me/minutes_to_90_percent"]["reason"]
    assert found["me/adapt_peak_gb"]["value"] == 2.0


def test_a_part_earns_its_place_where_psnr_falls_or_lmd_rises():
    found = {"one": kept(ablations=rows()), "two": kept(ablations=rows(random=(24.0, 2.0)))}
    assert [earns(found, variant, variant)["value"] for variant in ("no-planes", "no-lora")] == [1.0, 1.0]
    random = earns(found, "random", "pre_training")
    assert (random["value"], random["holds"]) == (0.5, False)
    missing = earns({**found, "three": {"ablations": {"reason": "exit code 1"}}}, "random", "pre_training")
    assert missing["value"] is None and missing["reason"]
    clip = named(figures_of(found, ["ablations"]))["one/published_psnr"]
    assert (clip["value"], clip["baseline"]) == (23.0, 25.0)


def test_five_seconds_must_be_above_both_stills():
    part = {"mean": STILL, "nearest": STILL, "own": DRAWN, "published": {**DRAWN, "full_psnr": 19.0}}
    found = named(figures_of({"me": kept(first_5s=part)}, ["first-5s"]))
    assert (found["me/5s_full_psnr_gain"]["value"], found["me/5s_full_psnr_gain"]["holds"]) == (4.0, True)
    assert found["me/5s_full_psnr"]["baseline"] == 19.0


def test_what_failed_says_why():
    parts = {name: {"reason": "exit code 1"} for name in PARTS}
    figures = figures_of({"me": parts}, list(PARTS))
    assert all(one["value"] is None and one["reason"] for one in figures)


@pytest.fixture
def counted(monkeypatch):
    """Parts that are done at once, and how often; `ablations` fails the first time."""
    done: list[str] = []

    def part(name):
        def run(subject):
            done.append(name)
            if name == "ablations" and done.count(name) == 1:
                raise CommandFailed("exit code 1 from ablate")
            return {"name": name}

        return run

    for name in PARTS:
        monkeypatch.setitem(adapt_parts.PARTS, name, part(name))
    return done


def test_a_killed_bench_goes_on(tmp_path, counted):
    settings = Bench(tmp_path, 5, None, 0)
    first = measured(settings, Path("me.mp4"), ["stills", "ablations"])
    assert first["ablations"] == {"reason": "exit code 1 from ablate"}
    again = measured(settings, Path("me.mp4"), list(PARTS))
    assert counted == ["stills", "ablations", "whole", "static", "first-5s", "ablations"]
    assert {name: part["found"]["name"] for name, part in again.items()} == {name: name for name in PARTS}
    measured(Bench(tmp_path, 6, None, 0), Path("me.mp4"), ["stills"])
    assert counted[-1] == "stills"  # other settings begin anew


def test_settings_are_checked(tmp_path):
    for steps, first in ((0, None), (5, 6.9)):
        with pytest.raises(ValueError, match="Bench"):
            Bench(tmp_path, steps, first, 0)


def test_a_clip_is_cropped_once(tmp_path, monkeypatch):
    import face3dmm

    frames = np.full((10, 512, 512, 3), 90, np.uint8)
    wide = tmp_path / "wide.mp4"
    clips.write_clip(wide, np.full((10, 256, 512, 3), 90, np.uint8), np.zeros(19200, np.float32), 48000)
    asked = []

    def track_video(path, max_seconds):
        asked.append(max_seconds)
        return type("Track", (), {"crop": (10, 0, 256)})

    monkeypatch.setattr(face3dmm, "track_video", track_video)
    monkeypatch.setattr(face3dmm, "read_crops", lambda path, crop, **options: iter(frames))
    for _ in range(2):
        made = prepared(wide, tmp_path / "work", 8.0)
    assert asked == [8.0]
    assert clips.read_frames(made).shape == (10, 512, 512, 3)


def test_the_report(tmp_path, monkeypatch, capsys, counted):
    (tmp_path / "me.mp4").write_bytes(b"a clip")
    monkeypatch.setattr(bench, "figures_of", lambda found, parts: [])
    keep = tmp_path / "adapt.json"
    arguments = ["--clips", str(tmp_path / "me.mp4"), "--parts", "stills", "--out", str(tmp_path / "out")]
    assert bench.main([*arguments, "--keep", str(keep), "--steps", "3"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == json.loads(keep.read_text())
    assert told["area"] == "adapt"
    assert "steps 3" in told["machine"]
