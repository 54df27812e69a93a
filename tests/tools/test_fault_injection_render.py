"""Five of the moments of tools/fault_injection/render.py: what is killed goes on and ends with the same video."""

import json
import subprocess
import sys

import pytest

from checkout import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="the harness forks and reads /proc")
def test_killed_renders_end_with_the_same_video():
    command = [sys.executable, str(ROOT / "tools/fault_injection/render.py"), "--random", "1", "--aimed", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1]) if done.stdout else done.stderr
    assert done.returncode == 0, told
    assert (told["tried"], told["failed"]) == (5, 0)
    assert told["struck"] >= 4, "aimed kills always strike"
    assert told["frames_twice"] > 0, "a kill before a segment's line costs that segment"
