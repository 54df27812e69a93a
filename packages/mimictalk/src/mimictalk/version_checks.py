"""Checks of `doctor` for versions: what is installed fits together and has no known hole."""

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from mimictalk.finding import FAIL, OK, WARN, Check
from mimictalk.known_holes import FLOORS

PACKAGES = ("mimictalk", "face3dmm", "triplane-render", "portrait3d", "talk-motion", "mimictalk-adapt")
TIED_TO_TORCH = ("torchaudio", "torchvision")
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def packages() -> list[Check]:
    """All of our packages are there."""
    found = []
    for name in PACKAGES:
        here = _installed(name)
        if here is None:
            return [Check("packages", FAIL, f"{name} is not installed", f"pip install {name}")]
        found.append(f"{name} {here}")
    return [Check("packages", OK, ", ".join(found))]


def requirements() -> list[Check]:
    """Every library is in the range that our packages ask for; the ones that are not, one by one."""
    from packaging.requirements import Requirement

    wrong, seen = [], set()
    for package in PACKAGES:
        for line in _requires(package):
            need = Requirement(line)
            if need.marker is not None and not need.marker.evaluate({"extra": ""}):
                continue
            seen.add(need.name.lower())
            here = _installed(need.name)
            if here is None or not need.specifier.contains(here, prereleases=True):
                has = f"{here} is installed" if here else "it is not installed"
                found = f"{has}; {package} needs {need.specifier or 'it'}"
                cure = f"pip install '{need.name}{need.specifier}'"
                wrong.append(Check(f"version of {need.name.lower()}", FAIL, found, cure))
    return wrong or [Check("requirements", OK, f"{len(seen)} libraries, each in the range asked for")]


def known_holes() -> list[Check]:
    """No installed library has a published hole (see `mimictalk.known_holes`)."""
    from packaging.version import Version

    wrong, here = [], {name: found for name in FLOORS if (found := _installed(name))}
    for name, found in here.items():
        floor = FLOORS[name]
        if Version(found) < Version(floor.version):
            cure = f"pip install '{name}>={floor.version}'"
            wrong.append(Check(f"known hole in {name}", FAIL, f"{name} {found}: {floor.hole}", cure))
    return wrong or [Check("known holes", OK, f"none in {', '.join(here)}")]


def torch_build() -> list[Check]:
    """The build of torch is for what this machine has: neither a CUDA build without GPU nor the reverse."""
    import torch

    driver, built = NVIDIA_DRIVER.exists(), torch.version.cuda
    if torch.cuda.is_available():
        return [Check("torch build", OK, f"CUDA {built}, {torch.cuda.get_device_name(0)}")]
    if built and driver:
        found = f"torch was built for CUDA {built}, but the NVIDIA driver here is too old or does not answer"
        return [Check("torch build", WARN, found, "Update the NVIDIA driver, or use --device cpu.")]
    if built:
        cure = "Install the NVIDIA driver, or go on: everything also runs on the CPU."
        return [Check("torch build", WARN, "torch was built for CUDA but sees no GPU", cure)]
    if driver:
        cure = "Install the CUDA build of torch (pytorch.org, Get started); everything also runs on the CPU."
        return [Check("torch build", WARN, "there is an NVIDIA GPU, but torch was built for the CPU", cure)]
    return [Check("torch build", OK, "for the CPU, and there is no GPU")]


def torchaudio() -> list[Check]:
    """Libraries compiled for one exact torch: of another they crash, and take transformers and peft along."""
    torch_here = _installed("torch") or ""
    found = {name: here for name in TIED_TO_TORCH if (here := _installed(name))}
    for name, here in found.items():
        cure = f"pip uninstall {name} (nothing here needs it)"
        if "cpu" in torch_here.split("+")[-1] and "+cpu" not in here:
            text = f"{name} {here} is a CUDA build beside torch {torch_here}"
            return [Check("torchaudio", FAIL, text, cure)]
        try:
            import_module(name)
        except Exception as error:
            text = f"{name} {here} does not fit torch {torch_here} ({' '.join(str(error).split())[:80]})"
            return [Check("torchaudio", FAIL, text, cure)]
    listed = ", ".join(f"{name} {here}" for name, here in found.items())
    return [Check("torchaudio", OK, listed or "not installed, and not needed")]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _requires(package: str) -> Iterator[str]:
    try:
        yield from requires(package) or ()
    except PackageNotFoundError:
        return
