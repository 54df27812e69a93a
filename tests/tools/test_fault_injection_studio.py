"""One job of each kind of tools/fault_injection/studio.py."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from checkout import ROOT

CHROMIUM = any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM or find_spec("playwright") is None, reason="no Chromium or no playwright")
def test_disturbed_jobs_are_there_and_finish():
    command = [sys.executable, str(ROOT / "tools/fault_injection/studio.py"), "--jobs", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert [(each["tried"], each["failed"]) for each in told["promises"]] == [(1, 0)] * 5 + [(5, 0)]
