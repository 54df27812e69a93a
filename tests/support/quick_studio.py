"""A worker whose jobs take moments: the studio's own worker, leash and store around a program that only counts.

python quick_studio.py ROOT DEVICE LIMITS           the worker
python quick_studio.py step STEP BYTES ARGUMENTS... a step of its jobs
python quick_studio.py preview BYTES                the process that draws previews: grey, lighter with the mouth

A step counts to COUNT, 20 times a second, and keeps its count in the cache folder, as adapting does.
"""

import hashlib
import json
import os
import signal
import struct
import sys
import time
import zlib
from pathlib import Path

from mimictalk.errors import InputError
from mimictalk.studio import preview_process, tether, worker

COUNT = 20
PROGRAM = (sys.executable, __file__, "step")
PREVIEWS = (sys.executable, __file__, "preview")


def png(size: int = 32, grey: int = 128) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = b"".join(b"\0" + bytes([grey]) * size for _ in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def count(stage: str, until: int, held: bool) -> int:
    """Count on from where a killed run stopped; returns where this run began.

    With `held` it stops half-way until there is a file `go` in the job's folder.
    """
    kept = Path(os.environ["XDG_CACHE_HOME"]) / "count"
    began = int(kept.read_text()) if kept.exists() else 0
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    for done in range(began + 1, until + 1):
        while held and done > until // 2 and not stopped and not Path("go").exists():
            time.sleep(0.05)
        if stopped:  # between two steps, as adapting does
            sys.exit(143)
        time.sleep(0.05)
        kept.with_suffix(".part").write_text(str(done))
        kept.with_suffix(".part").replace(kept)
        with open("history", "a") as history:
            print(done, file=history)
        facts = {"loss": 1 / done, "held out": 1.2 / done}
        told = {"stage": stage, "done": done, "total": until, "facts": facts}
        print(json.dumps(told), file=sys.stderr, flush=True)
    return began


def main() -> None:
    """Stands for `mimictalk`."""
    command, *arguments = sys.argv[1:]
    given = [Path(a.split("=", 1)[-1]) for a in arguments if "in/" in a]
    content = b"".join(path.read_bytes() for path in given if path.is_file())
    if b"unusable" in content:
        error = {"subject": "clip", "cause": "no face was found", "cure": "Show one face."}
        print(json.dumps({"ok": False, "exit_code": 2, "error": error, "warnings": []}))
        sys.exit(2)
    if b"deadly" in content:
        os.kill(os.getpid(), 9)
    facts: dict[str, object] = {"ok": True, "warnings": []}
    if command == "check":
        print("warning: the clip is short (3.0 s)", file=sys.stderr, flush=True)
        facts |= {"seconds": 3.0, "frames": 75, "speech": True}
    elif command in ("adapt", "render"):
        slow = COUNT * (10 if b"slow" in content else 1)
        facts |= {"began": count(command, slow, b"held" in content), "steps": slow}
        if command == "adapt":
            Path("out/avatar").mkdir(exist_ok=True)
            Path("out/avatar/preview.png").write_bytes(png())
            Path("out/avatar/avatar.json").write_text("{}")
        else:
            Path("out/video.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + hashlib.sha256(content).digest() * 100)
    elif command == "verify":
        facts |= {"marked": True, "mark": {"synthetic": True, "tool": "quick"}}
    elif command == "motion":
        Path("out/face.csv").write_text("Timecode,BlendShapeCount,EyeBlinkLeft\n")
    print(json.dumps(facts))


def preview(asked: dict[str, object]) -> tuple[dict[str, object], bytes]:
    """Stands for drawing; what was asked lies in the folder."""
    print("a library says something")
    with open("asked", "a") as file:
        print(json.dumps(asked), file=file)
    if not Path(str(asked["avatar"])).is_dir():
        raise InputError(asked["avatar"], "there is no such folder", f"Look at {asked['avatar']}.")
    if asked.get("label") == "deadly":
        os.kill(os.getpid(), 9)
    if asked.get("label") == "slow":
        time.sleep(60)
    return {"at": asked["at"], "seconds": 8.0}, png(64, int(60 + 80 * float(str(asked.get("mouth", 1)))))


if __name__ == "__main__":
    if sys.argv[1] == "preview":
        preview_process.serve(preview)
        sys.exit()
    if sys.argv[1] == "step":
        sys.exit(tether.run(main, sys.argv[2:]))
    worker.main(sys.argv[1:], PROGRAM)
