"""Mutated files through the readers: nothing may crash the program, no altered artefact may be accepted.

    .venv/bin/python tools/fuzz_readers.py --keep tools/bench/results/fuzz.json          10,000 of each
    .venv/bin/python tools/fuzz_readers.py --containers 300 --artefacts 500

A container (mp4, mkv, avi, ts, webm, wav, flac, mp3, ogg) first meets the confined process that looks at
every file of a user; what it lets pass is read by the program's own readers. Right is a refusal in words, or
pictures and samples. Artefacts of every kind have one file altered: right is a refusal. The last line of
stdout is one JSON object; exit code 1 if anything went wrong.
"""

import argparse
import io
import os
import random
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parent))

from bench.reliability import promise, report
from hostile import recordings
from hostile.damage import mutated

HANGS = 20  # seconds of computing
CHUNK = 50  # cases a process does in a row


def containers() -> list[tuple[str, bytes]]:
    """Whole recordings by suffix."""
    video = partial(recordings.video, frames=12, height=48, width=64)
    return [
        (".mp4", video()),
        (".mp4", video(muxer=(("movflags", "frag_keyframe+empty_moov"),))),
        (".mkv", video(container="matroska")),
        (".avi", video("mpeg4", "avi")),
        (".ts", video("mpeg2video", "mpegts")),
        (".webm", video("libvpx-vp9", "webm", sound=False)),
        (".wav", recordings.wav(recordings.tone(0.4))),
        (".flac", recordings.sound_file("flac", "flac", 0.4)),
        (".mp3", recordings.sound_file("libmp3lame", "mp3", 0.4)),
        (".ogg", recordings.sound_file("libopus", "ogg", 0.4, 48_000)),
    ]


def in_child(work: Callable[[], object], *, confined: bool = False) -> str:
    """Do something in a forked process: "" if it went well, else what happened."""
    sys.stderr.flush()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            if confined:
                from mimictalk.media_probe import Limits, confine

                confine(Limits(cpu=HANGS))
            else:
                resource.setrlimit(resource.RLIMIT_CPU, (HANGS, HANGS))
            work()
            code = 0
        except BaseException as error:
            if not confined:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return "" if code == 0 else signal.Signals(-code).name if code < 0 else "an error that is not explained"


def look(path: Path) -> None:
    """As the confined process does that meets a user's file first."""
    from mimictalk.media_probe import Limits
    from mimictalk.media_probe import look as look_at

    with path.open("rb") as file:
        facts = look_at(io.BytesIO(file.read()), Limits(enough=2.0))
    assert not facts["memory"]


def read(path: Path) -> None:
    """Sound and pictures by the program's own readers; a refusal in words is right."""
    from face3dmm import open_video
    from mimictalk.errors import explain
    from mimictalk.sound import read_sound
    from talk_motion.audio import read_audio

    def pictures() -> None:
        for number, _ in enumerate(open_video(path).frames()):
            if number > 30:
                return

    for reader in (lambda: read_audio(path), lambda: list(read_sound(path)), pictures):
        try:
            reader()
        except Exception as error:
            if explain(error) is None:
                raise


def load_readers() -> None:
    """Import what `look` and `read` use."""
    import av

    import face3dmm.video
    import mimictalk.media_probe
    import mimictalk.sound
    import talk_motion.audio

    av.logging.set_level(None)
    assert face3dmm and mimictalk and talk_motion


def fuzz_containers(seeds: range) -> list[dict[str, object]]:
    """What went wrong with the containers of these seeds."""
    load_readers()  # once, before processes are forked off this one
    whole, wrong = containers(), []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            draw = random.Random(f"container {seed}")
            suffix, data = draw.choice(whole)
            path = Path(folder) / f"mutated{suffix}"
            path.write_bytes(mutated(data, draw))
            if in_child(partial(look, path), confined=True):
                continue  # the program refuses what its confined process does not survive
            if happened := in_child(partial(read, path)):
                wrong.append({"seed": seed, "suffix": suffix, "happened": happened})
    return wrong


def fuzz_artefacts(seeds: range) -> list[dict[str, object]]:
    """Which altered artefacts of these seeds were accepted, or refused without words."""
    from kept_artefacts import write_all
    from mimictalk.errors import InputError, explain

    wrong: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        made = write_all(Path(folder) / "artefacts")
        for seed in seeds:
            draw = random.Random(f"artefact {seed}")
            kind = draw.choice(sorted(made))
            path = draw.choice(made[kind].files)
            data = path.read_bytes()
            altered = mutated(data, draw)
            if altered == data:
                altered = data + b"\0"
            path.write_bytes(altered)
            try:
                made[kind].read()
                wrong.append({"seed": seed, "kind": kind, "file": path.name, "happened": "accepted"})
            except Exception as error:
                if not isinstance(explain(error), InputError):
                    wrong.append(
                        {"seed": seed, "kind": kind, "file": path.name, "happened": repr(error)[:200]}
                    )
            path.write_bytes(data)
    return wrong


def spread(
    work: Callable[[range], list[dict[str, object]]], first: int, count: int, jobs: int
) -> Iterator[list[dict[str, object]]]:
    """Do all seeds, in several processes."""
    chunks = [range(start, min(start + CHUNK, first + count)) for start in range(first, first + count, CHUNK)]
    with get_context("spawn").Pool(jobs, maxtasksperchild=20) as pool:
        for number, wrong in enumerate(pool.imap(work, chunks), 1):
            print(f"{work.__name__}: {number}/{len(chunks)}", *wrong, file=sys.stderr, flush=True)
            yield wrong


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--containers", type=int, default=10_000)
    told.add_argument("--artefacts", type=int, default=10_000)
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    given = told.parse_args()
    found = {
        "mutated containers: refused or read, no crash, no hang": (fuzz_containers, given.containers),
        "altered artefacts: refused in words": (fuzz_artefacts, given.artefacts),
    }
    promises, failures = [], []
    for words, (work, count) in found.items():
        wrong = [one for part in spread(work, given.seed, count, given.jobs) for one in part]
        promises.append(promise(words, count, len(wrong)))
        failures += wrong
    report("fuzz", given.seed, promises, given.keep, failures=failures[:50])
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
