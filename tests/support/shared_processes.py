"""A program of tests/support in two processes under torchrun."""

import json
import os
import socket
import subprocess
import sys
from typing import Any


def run_shared(program: str, cases: dict[str, Any], *options: str) -> None:
    """Run `program` with the cases as JSON; it has to end well.

    Args:
        program: Its file.
        cases: Its one argument.
        options: Of torchrun.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        f"--master-port={port}",
        *options,
    ]
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [*command, program, json.dumps(cases)],
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
