"""Reinstall each compiled package whose C++ sources are newer than its compiled module.

An editable installation follows edits of Python files, not of C++, and `hatch run` does not look at those.
Called before the tests and the demo; does nothing, quickly, when everything is up to date.
"""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def newest_change(folder: Path) -> float:
    """Return the latest modification time (seconds) of any file under `folder`."""
    return max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())


def compiled_module(package: str) -> Path | None:
    """Return the installed `_C` of `package`, or None where there is none yet; imports nothing."""
    try:
        files = importlib.metadata.distribution(package).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name.startswith("_C.")), None)


def is_stale(sources: Path, module: Path | None) -> bool:
    """Return True when `module` is missing or older than a file of `sources`."""
    return module is None or not module.exists() or module.stat().st_mtime < newest_change(sources)


def main() -> int:
    """Reinstall what is stale; return pip's exit code."""
    for sources in sorted(path.parent for path in (ROOT / "csrc").glob("*/CMakeLists.txt")):
        package = sources.name
        if is_stale(sources, compiled_module(package)):
            print(f"{package}: the C++ sources changed, building", file=sys.stderr, flush=True)
            folder = ROOT / "packages" / package.replace("_", "-")
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            code = subprocess.run([*install, "--editable", str(folder)], check=False).returncode
            if code:
                return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
