"""Build the documentation site, or show it while it is written.

tools/hatch run docs:build      out/docs/site/index.html; a warning is an error
tools/hatch run docs:serve      http://127.0.0.1:8000, built anew at every change
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from docs_pages.gathering import gather, write
from docs_pages.sources import ROOT

OUT = ROOT / "out/docs"


def main() -> int:
    """Gather the pages, then run the generator."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["build", "serve"])
    parser.add_argument("--address", default="127.0.0.1:8000", help="of serve")
    given = parser.parse_args()
    write(gather(), OUT)
    program = [sys.executable, "-m", "zensical", given.what, "--config-file", str(OUT / "zensical.toml")]
    if given.what == "build":
        return build(program)
    with subprocess.Popen([*program, "--dev-addr", given.address], cwd=OUT) as server:
        try:
            while server.poll() is None:
                time.sleep(1)
                write(gather(), OUT)
        except KeyboardInterrupt:
            server.terminate()
    return 0


def build(program: list[str]) -> int:
    """Build once; the generator's warnings and the API reader's are errors."""
    command = [*program, "--clean", "--strict"]
    done = subprocess.run(command, cwd=OUT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    print(said, file=sys.stderr, end="")
    warned = any(word in said for word in ("WARNING", "Warning:", "griffe:"))
    if done.returncode or warned:
        return done.returncode or 1
    print(f"Open {os.path.relpath(Path(OUT) / 'site/index.html')}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
