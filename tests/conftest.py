"""For all tests."""

import os

# Tests compute little at a time: one thread is as fast as two, and several times faster on a busy machine,
# where a thread that waits for its neighbour burns the time that neighbour needs. Set before torch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
