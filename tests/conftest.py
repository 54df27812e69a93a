"""For all tests."""

import os
import sys
from collections.abc import Iterator

import pytest

# Tests compute little at a time: one thread is as fast as two, and several times faster on a busy machine,
# where a thread that waits for its neighbour burns the time that neighbour needs. Set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _denormals_as_they_were() -> Iterator[None]:
    """Commands flush denormals for the whole process, in which here other tests follow."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
