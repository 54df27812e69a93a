"""The scripts of docs/examples run, and what they write can be read."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from checkout import PACKAGES, ROOT

FOLDER = ROOT / "docs/examples"
SHORT = {  # script: arguments that make it short; without an entry it is slow however short
    "triplane_optimise": ("--steps", "12", "--size", "16"),
    "talk_motion_visemes": ("--seconds", "1"),
    "adapt_toy": ("--steps", "12"),
}
LONG = {
    "triplane_optimise": (),
    "talk_motion_visemes": (),
    "adapt_toy": (),
    "face3dmm_fit": (),
    "portrait3d_turn": (),
    "mimictalk_whole_way": (),
}


def run(script: str, out: Path, *arguments: str) -> str:
    """Run a script as a reader would; returns what it printed."""
    command = [sys.executable, str(FOLDER / f"{script}.py"), "--out", str(out), *arguments]
    state = {f"XDG_{name}_HOME": str(out / f".{name.lower()}") for name in ("STATE", "CACHE", "DATA")}
    done = subprocess.run(
        command,
        cwd=out.parent,
        env=os.environ | state,
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def judge(script: str, out: Path, said: str, *, full: bool) -> None:
    """Look at what a script printed and wrote."""
    if script == "triplane_optimise":
        before, after = (float(value) for value in re.findall(r"([\d.]+) dB", said))
        assert after > before + (8 if full else 0.1)
        assert (out / "before_after_true.png").stat().st_size > 200
    elif script == "talk_motion_visemes":
        visemes = json.loads((out / "visemes.json").read_text())
        weights = np.array(visemes["weights"])
        assert weights.shape == ((150 if full else 25), 15)
        np.testing.assert_allclose(weights.sum(1), 1, atol=1e-3)
        assert (out / "face.csv").read_text().startswith("Timecode,BlendshapeCount,EyeBlinkLeft")
    elif script == "adapt_toy":
        before, code, lora, both = (float(value) for value in re.findall(r"error[^:]*: ([\d.]+)", said))
        assert both < before
        if full:
            assert both < code and both < lora
        once, again = re.search(r"folder: ([\d.]+); run again: ([\d.]+)", said).groups()
        assert once == again
    elif script == "face3dmm_fit":
        assert float(re.search(r"drawn ([\d.]+)", said)[1]) > 0.9
        assert (out / "fit.png").is_file()
    elif script == "portrait3d_turn":
        from PIL import Image

        sheet = np.asarray(Image.open(out / "turned_and_speaking.png"))
        assert sheet.shape == (512, 6 * 256, 3)
        frames = sheet.reshape(2, 256, 6, 256, 3).transpose(0, 2, 1, 3, 4).astype(int)
        assert abs(frames[0, 1] - frames[0, 5]).mean() > 3  # turned to one side and to the other
    else:
        assert (out / "talking.mp4").is_file()
        assert "marked as synthetic: True" in said


def test_every_package_has_one():
    text = {path.stem: path.read_text() for path in FOLDER.glob("*.py")}
    assert set(text) == set(LONG)
    for package in PACKAGES:
        assert any(re.search(rf"^from {package}\b", code, re.MULTILINE) for code in text.values()), package


@pytest.mark.parametrize("script", SHORT)
def test_short(script, tmp_path):
    judge(script, tmp_path / "out", run(script, tmp_path / "out", *SHORT[script]), full=False)


@pytest.mark.slow
@pytest.mark.parametrize("script", LONG)
def test_at_full_length(script, tmp_path):
    judge(script, tmp_path / "out", run(script, tmp_path / "out", *LONG[script]), full=True)
