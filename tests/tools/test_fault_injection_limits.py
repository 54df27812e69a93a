"""Some of the limits of tools/fault_injection/limits.py: a disk that fills up takes nothing away."""

import json
import shutil
import subprocess
import sys

import pytest

from checkout import ROOT

OWN = ["unshare", "--mount", "--user", "--map-root-user"]


def may_mount() -> bool:
    return shutil.which("unshare") is not None and not subprocess.run([*OWN, "true"], check=False).returncode


@pytest.mark.slow
@pytest.mark.skipif(not may_mount(), reason="a disk of its own cannot be mounted here")
def test_full_disks_keep_what_was_there():
    command = [
        sys.executable,
        str(ROOT / "tools/fault_injection/limits.py"),
        "--count",
        "2",
        "--only",
        "disk",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1]) if done.stdout else done.stderr
    assert done.returncode == 0, told
    assert [(one["tried"], one["failed"]) for one in told["promises"]] == [(2, 0), (2, 0)]
