"""OpenBLAS asks for ever for memory that it is refused: under a limit it gets its own first, or none starts."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from scipy.linalg import solveh_banded
from mimictalk.blas_memory import take_blas_memory

def leave(megabytes):
    with open("/proc/self/status") as file:
        size = next(int(line.split()[1]) for line in file if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, ((size << 10) + (megabytes << 20), resource.RLIM_INFINITY))

leave(int(sys.argv[1]))
try:
    take_blas_memory()
except MemoryError:
    sys.exit(3)
leave(8)
assert np.allclose(np.linalg.cholesky(4 * np.eye(200)), 2 * np.eye(200))
assert np.allclose(solveh_banded(np.full((1, 200), 4.0), np.ones(200)), 0.25)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("left", "code"), [(200, 0), (40, 3)])
def test_under_a_limit_linear_algebra_works_or_is_refused_but_never_waits(left, code):
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(left)], timeout=60, check=False)
    assert ended.returncode == code
