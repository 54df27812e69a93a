"""Adaptations and renders on disks that fill up and with too little memory: a clean end, nothing lost.

    python tools/fault_injection/limits.py                 # 60 random limits of each kind, about 25 minutes
    python tools/fault_injection/limits.py --count 3 --only disk

The disk is a small one in memory (tmpfs) with some room left; memory is an address space a little larger
than that of the loaded program. Room and memory are drawn between nothing and what a run unharmed takes.
Right is: exit code 0, or 1 with at most three lines that hold cause, cure and code; the avatar or the video
that was there before is as it was; without the limit the same command makes what a run unharmed makes. The
last line of stdout is one JSON object. Needs Linux and its `unshare`.
"""

import argparse
import hashlib
import io
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a forked child has no other threads
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools")]

from bench.reliability import promise, report  # noqa: E402
from fault_injection import tiny_adaptation, tiny_render  # noqa: E402
from fault_injection.adapt import result_of as avatar_of  # noqa: E402
from fault_injection.forked import Outcome, forked  # noqa: E402
from fault_injection.render import result_of as video_of  # noqa: E402

DISK_MB = 64
LIMITS = {"disk": "a disk that fills up", "memory": "a limit of memory"}
CODED = re.compile(r"\[MT-[A-Z]+-\d{3}\]$")
OLD = b"the video that was there before"


@dataclass(frozen=True)
class Work:
    """A command under limits.

    Attributes:
        name: "adapt" or "render".
        begin: Fills the folder of a run: what is there before it.
        place: In here the command can be run in a folder.
        line: The command line.
        result: What must be the same after every limit.
        old: sha256 of what was there before.
        needed: What its run unharmed takes, bytes by kind of limit.
    """

    name: str
    begin: Callable[[Path], None]
    place: Callable[[Path], AbstractContextManager[None]]
    line: Callable[[Path], list[str]]
    result: Callable[[Path], dict[str, Any]]
    old: Callable[[Path], str]
    needed: dict[str, int]


def adaptation(base: Path) -> Work:
    """`adapt --force` over an avatar that was adapted for fewer steps."""
    tiny_adaptation.prepare()
    (base / "before").mkdir()
    if forked(lambda: tiny_adaptation.adapt_ball(base / "before", steps=4) or 0).code:
        raise SystemExit("no avatar to be kept could be made")

    def begin(folder: Path) -> None:
        shutil.copytree(base / "before" / tiny_adaptation.AVATAR, folder / tiny_adaptation.AVATAR)
        (folder / tiny_adaptation.CLIP).write_bytes(b"stands for a clip")

    def line(folder: Path) -> list[str]:
        clip, avatar = folder / tiny_adaptation.CLIP, folder / tiny_adaptation.AVATAR
        line = ["adapt", clip, "-o", avatar, "--steps", tiny_adaptation.STEPS, "--force", "--quiet"]
        return [*map(str, line), "--consent", "A ball agrees."]

    place, old = tiny_adaptation.ball_clip_in_place, lambda f: _hash_of(f / tiny_adaptation.AVATAR)
    return Work("adapt", begin, place, line, avatar_of, old, {})


def rendering(base: Path) -> Work:
    """`render` over a file of the same name."""
    tiny_render.prepare(base)

    def line(folder: Path) -> list[str]:
        speech, out = base / tiny_render.SPEECH, folder / tiny_render.VIDEO
        line = ["render", base / tiny_render.AVATAR, "--audio", speech, "-o", out]
        return [*map(str, line), "--quiet"]

    def begin(folder: Path) -> None:
        (folder / tiny_render.VIDEO).write_bytes(OLD)

    def place(folder: Path) -> AbstractContextManager[None]:
        return tiny_render.quick(lambda number: None)

    return Work("render", begin, place, line, video_of, lambda f: _hash_of(f / tiny_render.VIDEO), {})


def _hash_of(path: Path) -> str:
    files = [path] if path.is_file() else sorted(path.iterdir())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def child(work: Work, folder: Path, memory: int | None, *, measure: bool = False) -> int:
    """Run the command in this process, and its work in a child as the program does; what it says is kept
    beside the folder.

    Args:
        work: Which.
        folder: Of the run.
        memory: Bytes of address space it may take beyond what it has.
        measure: Work in this process, and keep how much memory that took.
    """
    import torch

    from mimictalk.cli import run, run_guarded

    torch.set_num_threads(1)
    # What native libraries say: nobody sees it, but it tells what they died of.
    os.dup2(os.open(told_by(folder, "native"), os.O_RDWR | os.O_CREAT | os.O_TRUNC), 2)
    with work.place(folder), told_by(folder, "err").open("w", buffering=1) as err:
        begun, out = _status("VmSize"), io.StringIO()
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (begun + memory, resource.RLIM_INFINITY))
        if not measure:
            return run_guarded(work.line(folder), out, err)
        code = run(work.line(folder), out, err)
        told_by(folder, "memory").write_text(str(_status("VmPeak") - begun))
        return code


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def run(work: Work, folder: Path, memory: int | None = None) -> tuple[Outcome, str]:
    """Fork a child that runs the command; how it ended and what it said."""
    outcome = forked(lambda: child(work, folder, memory))
    return outcome, told_by(folder, "err").read_text()


def told_by(folder: Path, what: str) -> Path:
    """Where a child keeps what it says: not on the full disk."""
    return folder.parent.with_suffix(f".{what}")


def measured(work: Work, disk: Path) -> dict[str, Any]:
    """Run it unharmed: its result; fills `work.needed`."""
    folder = new_folder(work, disk)
    free = [_free(disk)]
    outcome = forked(lambda: child(work, folder, None, measure=True), watch=lambda: free.append(_free(disk)))
    if outcome.code:
        said = told_by(folder, "err").read_text()
        raise SystemExit(f"{work.name} unharmed ended with {outcome.code}: {said}")
    work.needed.update(disk=free[0] - min(free), memory=int(told_by(folder, "memory").read_text()))
    wanted = work.result(folder)
    shutil.rmtree(folder)
    return wanted


def new_folder(work: Work, disk: Path) -> Path:
    """The folder of a run with what is there before it."""
    folder = disk / work.name
    folder.mkdir()
    work.begin(folder)
    return folder


def _free(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def try_limit(work: Work, disk: Path, kind: str, room: int, wanted: dict[str, Any]) -> tuple[int, str]:
    """Run it under a limit, then without; its exit code under it, and what went wrong."""
    folder, ballast = new_folder(work, disk), disk / "ballast"
    try:
        old = work.old(folder)
        if kind == "disk":
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, max(_free(disk) - room, 1))
        outcome, said = run(work, folder, room if kind == "memory" else None)
        ballast.unlink(missing_ok=True)
        wrong = _wrong_end(outcome.code, said)
        if outcome.code and work.old(folder) != old:
            wrong.append("what was there before has changed")
        again, said = run(work, folder)
        if again.code:
            wrong.append(f"without the limit it ended with {again.code}: {said}")
        else:
            got = work.result(folder)
            wrong += [f"{name} differs afterwards" for name in wanted if got[name] != wanted[name]]
        return outcome.code, "; ".join(wrong)
    finally:
        shutil.rmtree(folder)
        ballast.unlink(missing_ok=True)


def _wrong_end(code: int, said: str) -> list[str]:
    """What is wrong with how a run under a limit ended."""
    if code == 0:
        return []
    if code != 1:
        return [f"it ended with {code}: {said}"]
    lines = [line for line in said.splitlines() if not line.startswith("warning: ")]
    wrong = [] if 2 <= len(lines) <= 3 else [f"{len(lines)} lines"]
    if not lines or not CODED.search(lines[-1]):
        wrong.append("without a code")
    if "bug" in said or "crash" in said:
        wrong.append("taken for a bug")
    return [f"{', '.join(wrong)}: {said}"] if wrong else []


@contextmanager
def mounted(disk: Path) -> Iterator[None]:
    """In here a small disk of its own lies at `disk`."""
    size = f"size={DISK_MB}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(disk)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def inside(given: argparse.Namespace) -> int:
    """All runs, in a process that may mount a disk of its own."""
    draw, promises, failures = random.Random(given.seed), [], []
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory())
        base, disk = Path(name), Path(name) / "disk"
        disk.mkdir()
        stack.enter_context(mounted(disk))
        os.environ["TMPDIR"] = str(disk)  # what is put aside lies on the full disk too
        for make in (adaptation, rendering):
            work = make(base)
            wanted = measured(work, disk)
            print(f"{work.name} takes {work.needed} bytes", file=sys.stderr)
            for kind in (given.only,) if given.only else LIMITS:
                codes, bad = [], 0
                for number in range(given.count):
                    room = draw.randrange(work.needed[kind])
                    code, wrong = try_limit(work, disk, kind, room, wanted)
                    codes.append(code)
                    bad += bool(wrong)
                    if wrong:
                        failures.append({"work": work.name, "kind": kind, "room": room, "wrong": wrong})
                    said = f"{work.name}, {kind} {number + 1}/{given.count}, {room / 1e6:.3f} MB: {code}"
                    print(f"{said} {wrong or 'right'}", file=sys.stderr, flush=True)
                words = f"`{work.name}`, {LIMITS[kind]}: a clean end, nothing lost, then the same result"
                promises.append(promise(words, given.count, bad))
                print(f"{work.name}, {kind}: {codes.count(0)} fitted", file=sys.stderr)
    report("limits", given.seed, promises, given.keep, failures=failures)
    return int(bool(failures))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=60, help="limits of each kind for each command")
    parser.add_argument("--only", choices=LIMITS, help="only limits of this kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        return inside(given)
    own = ["unshare", "--mount", "--user", "--map-root-user"]
    return subprocess.run([*own, sys.executable, __file__, "--inside", *sys.argv[1:]], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
