"""Memory that is free, but not yet given back to the system."""

import ctypes
import gc
import sys


def release_heap() -> None:
    """Collect what nothing refers to, and give free memory back, where the C library can (glibc).

    glibc keeps what was freed for whoever asks next, hundreds of megabytes after a stage of many threads;
    the next stage asks for other sizes, and its memory comes on top.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
