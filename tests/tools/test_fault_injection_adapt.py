"""Five of the moments of tools/fault_injection/adapt.py: what is killed goes on and ends with the same bits."""

import json
import os
import subprocess
import sys

import pytest

from checkout import ROOT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks")
def test_killed_adaptations_end_with_the_same_bits():
    command = [sys.executable, str(ROOT / "tools/fault_injection/adapt.py"), "--random", "3", "--aimed", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1]) if done.stdout else done.stderr
    assert done.returncode == 0, told
    assert (told["tried"], told["failed"]) == (5, 0)
    assert told["struck"] >= 2, "aimed kills always strike"
    assert told["changes"] > 50, "the hooks see the disk change"
