"""Working memory of OpenBLAS, taken while there still is some.

numpy and scipy each bring an OpenBLAS, which asks the system for 32 MB when it first needs them and keeps
them. Refused, numpy's ends the program after ten tries; scipy's, an older one, asks again for ever and takes
no notice of SIGTERM (its blas_memory_alloc).
"""

import mmap

from mimictalk.errors import limit_of_memory

TAKEN = 2 * (32 << 20) + (8 << 20)  # bytes: both, and what is beside them


def take_blas_memory() -> None:
    """Where memory is limited, have both take theirs now.

    Raises:
        MemoryError: If there is not as much.
    """
    if limit_of_memory() is None:
        return
    import numpy as np
    from scipy.linalg import solveh_banded

    try:
        mmap.mmap(-1, TAKEN).close()
    except OSError as error:
        raise MemoryError("no working memory for linear algebra") from error
    np.linalg.cholesky(np.eye(64))  # large enough to be given to OpenBLAS in blocks
    solveh_banded(np.ones((1, 64)), np.ones(64))
