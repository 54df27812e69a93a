"""Keep known noise of native libraries off stderr, and nothing else."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def without_lines(known: Sequence[str]) -> Iterator[None]:
    """Drop lines that contain one of the given texts from what is written to file descriptor 2.

    Everything else appears when the block ends, also after an exception. For short blocks: writes of
    other threads are held back, too.

    Args:
        known: Texts that mark a line as noise.
    """
    try:
        saved = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            lines = [line for line in held if not any(text.encode() in line for text in known)]
            if lines:
                os.write(2, b"".join(lines))
