"""The CPU kernels under g++'s sanitizers, by the documented command."""

import subprocess
import sys

import pytest

from checkout import ROOT


@pytest.mark.slow
def test_sanitizers_find_nothing() -> None:
    command = [sys.executable, str(ROOT / "tools/sanitize/run.py"), "--scenes", "20"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    assert run.stdout.count("clean") == 2
