"""Finds the compiled module on first use; importing face3dmm never loads it."""

import warnings
from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def compiled() -> ModuleType | None:
    """The compiled kernels, or None with one warning where this installation has none."""
    try:
        return import_module("face3dmm._C")
    except ImportError as error:
        warnings.warn(
            f"face3dmm runs without its compiled module ({error}): pictures are drawn by numpy, about "
            "100 times slower. Install g++ and reinstall face3dmm.",
            RuntimeWarning,
            stacklevel=3,
        )
        return None


@cache
def cuda_compiled() -> ModuleType | None:
    """The CUDA kernels, or None where face3dmm was compiled without nvcc: vertices then go to the CPU."""
    try:
        return import_module("face3dmm._cuda")
    except ImportError:
        return None


def build_info() -> dict[str, object]:
    """What was compiled: `compiler` (its version, None where numpy draws), `openmp`, `cuda_architectures`."""
    kernels, cuda = compiled(), cuda_compiled()
    architectures = cuda.architectures.split() if cuda else []
    info = {"compiler": None, "openmp": False} if kernels is None else dict(kernels.build_info())
    return info | {"cuda_architectures": architectures}
