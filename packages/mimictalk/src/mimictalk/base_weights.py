"""The weights that ship inside the packages, named by sha256.

An avatar is a change to these weights and means nothing on others. The weights of `talk_motion` are not among
them: an avatar stores its style as data, so a better motion model may take their place.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from mimictalk.manifest import sha256_file

PACKAGES = ("face3dmm", "portrait3d")


def weight_files(package: str) -> dict[str, Path]:
    """ "<package>/<path in it>" to file, for every safetensors file inside an installed package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return {}
    # An editable package with compiled parts has two folders: its sources and its build.
    return {
        f"{package}/{file.relative_to(root).as_posix()}": file
        for root in map(Path, spec.submodule_search_locations)
        for file in sorted(root.rglob("*.safetensors"))
    }


@cache
def installed() -> dict[str, str]:
    """ "<package>/<file>" to sha256 of the weights an avatar stands on, as installed here."""
    return {name: sha256_file(file) for package in PACKAGES for name, file in weight_files(package).items()}
