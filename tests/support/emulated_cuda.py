"""CUDA sources compiled for the CPU, where there is no GPU to test them on."""

import subprocess
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pybind11

from checkout import ROOT


def emulated_kernels(package: str, prefix: str, source: str, folder: Path) -> ModuleType:
    """Compile csrc/<package>/cuda with tests/support/cuda_emulation, and load it.

    Args:
        package: Folder in csrc.
        prefix: Of the macros that its sources look at.
        source: Name of the .cu file.
        folder: Where the module is put.
    """
    name = f"_emulated_{package}"
    out, cuda = folder / f"{name}.so", ROOT / "csrc" / package / "cuda"
    command = ["g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-ffp-contract=off", "-Wno-unknown-pragmas"]
    command += [
        f"-D{prefix}_EMULATED",
        f"-D{prefix}_MODULE={name}",
        f'-D{prefix}_ARCHITECTURES="emulated"',
    ]
    folders = [
        pybind11.get_include(),
        sysconfig.get_paths()["include"],
        ROOT / "tests/support/cuda_emulation",
    ]
    command += [f"-I{folder}" for folder in folders]
    command += ["-x", "c++", str(cuda / source), str(cuda / "bindings.cpp"), "-o", str(out)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    spec = spec_from_file_location(name, out)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
