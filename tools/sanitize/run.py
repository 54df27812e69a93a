"""Run the CPU kernels under the address, undefined-behaviour and thread sanitizers of g++.

    .venv/bin/python tools/sanitize/run.py [--scenes 60] [--seed 0]

Compiles tools/sanitize/kernels.cpp with the sources of csrc, once per sanitizer, in a temporary folder, and
runs it; the exit code is 0 when nothing was found. The raster's OpenMP loop is compiled as a plain loop for
the thread sanitizer, which does not know libgomp.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SANITIZERS = {
    "address and undefined behaviour": [
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-fopenmp",
    ],
    "thread": ["-fsanitize=thread"],
}
ISAS = {
    "portable": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma"],
    "avx512_bf16": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx512bf16", "-mfma"],
    "portable_bf16": ["-DTRIPLANE_WRITE_OUT_BF16"],
}
COMMON = ["g++", "-std=c++17", "-O1", "-g", "-fno-omit-frame-pointer", "-Wno-psabi", "-fPIC"]


def build(folder: Path, flags: list[str]) -> Path:
    """Compile everything with `flags`; returns the program."""
    cpu = ROOT / "csrc" / "triplane_render" / "cpu"
    jobs = [
        [f"-DTRIPLANE_ISA={isa}", *options, str(cpu / "kernel.cpp"), "-o", str(folder / f"{isa}.o")]
        for isa, options in ISAS.items()
    ]
    sources = [cpu / "dispatch.cpp", cpu / "render.cpp", ROOT / "csrc" / "face3dmm" / "raster.cpp"]
    sources.append(ROOT / "tools" / "sanitize" / "kernels.cpp")
    jobs += [["-DTRIPLANE_X86", str(path), "-o", str(folder / f"{path.stem}.o")] for path in sources]
    for job in jobs:
        subprocess.run([*COMMON, *flags, "-c", *job], check=True)
    program = folder / "kernels"
    objects = sorted(str(path) for path in folder.glob("*.o"))
    subprocess.run([*COMMON, *flags, *objects, "-pthread", "-o", str(program)], check=True)
    return program


def main(arguments: list[str] | None = None) -> int:
    """Build and run with each sanitizer; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    failed = []
    for name, flags in SANITIZERS.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"{name}: building", file=sys.stderr, flush=True)
            program = build(Path(folder), flags)
            command = [str(program), str(options.seed), str(options.scenes)]
            # Without setarch the thread sanitizer fails on kernels with many random address bits.
            run = subprocess.run(["setarch", "-R", *command], check=False)
            if run.returncode:
                failed.append(name)
            print(f"{name}: {'found something' if run.returncode else 'clean'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
