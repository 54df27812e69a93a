"""The compiled module: loaded on first use, and what it is."""

import functools
import importlib
import os
import warnings
from types import ModuleType

INSTRUCTION_SET_VARIABLE = "TRIPLANE_RENDER_INSTRUCTION_SET"


@functools.cache
def compiled() -> ModuleType | None:
    """The compiled module, or None, after one warning, where the package was installed without it."""
    try:
        return importlib.import_module("triplane_render._C")
    except ImportError as error:
        warnings.warn(
            f"triplane_render runs its PyTorch reference, which is slower: no compiled module ({error})",
            RuntimeWarning,
            stacklevel=3,
        )
        return None


@functools.cache
def cuda_compiled() -> ModuleType | None:
    """The CUDA kernels, or None, after one warning, where the package was compiled without nvcc."""
    try:
        return importlib.import_module("triplane_render._cuda")
    except ImportError as error:
        warnings.warn(
            f"triplane_render runs its PyTorch reference on the GPU, which is slower: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
        return None


def is_compiled() -> bool:
    """Whether the compiled module is there; it neither comes nor goes while a program runs."""
    return compiled() is not None


# What `torch.compiler.assume_constant_result` does, without loading the compiler: two seconds at every start.
is_compiled._dynamo_marked_constant = True  # type: ignore[attr-defined]


def build_info() -> dict[str, object]:
    """What was compiled and what of it this machine can run.

    Returns:
        compiler: its version, or None where the reference runs.
        instruction_sets: those that run here, best first; environment variable
            TRIPLANE_RENDER_INSTRUCTION_SET picks one by name.
        cuda_architectures: those compiled for, such as "90-real"; the one without "-real" holds PTX too.
    """
    module = compiled()
    if module is None:
        return {"compiler": None, "instruction_sets": [], "cuda_architectures": []}
    try:
        architectures = importlib.import_module("triplane_render._cuda").architectures.split()
    except ImportError:  # compiled where there was no nvcc; only a call with CUDA tensors warns of it
        architectures = []
    return dict(module.build_info()) | {"cuda_architectures": architectures}


def wanted_instruction_set() -> str:
    """The instruction set asked for by the environment, or "" for the best."""
    return os.environ.get(INSTRUCTION_SET_VARIABLE, "")
