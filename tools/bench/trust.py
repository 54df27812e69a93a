"""Measures the marks of videos: signatures, one-byte edits, and the watermark under attack.

    .venv/bin/python tools/bench/trust.py --renders 20 --edits 100 --clips 10 --unmarked 20

A run that was stopped goes on where it was, unless what is measured has changed since (`--again` starts anew).
Clips are synthetic and made on the spot; they go through the app's own marking, coding and signing, without the
portrait model. Every seed is another clip: marked ones differ in wall, head, texture, contrast, colour, movement,
noise and payload (`trust_clips.clip`; 512 x 512, as the app draws, and `--halved` of them at half the size, as
`--size 256` does), unmarked ones in kind of content and size too
(`trust_scenes`). Each goes through every attack once, so that the trials of one attack are independent. Edits change
one bit in index, picture or sound. A watermark counts as found when its 64 bits are right; on unmarked clips any
payload is a false alarm. With 0 failures in n trials the rate is below 3/n (95 %). Seeds of failures are listed.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import io
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
from skimage.metrics import peak_signal_noise_ratio

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench import trust_clips, trust_scenes
from bench.figures import Figure, figure, report
from bench.trust_clips import ATTACKS, brightness, changed_byte, clip, coded, halved, media_bytes
from bench.trust_scenes import KINDS, SIDES, scene
from mimictalk import content_credentials, provenance, watermark, watermark_code, watermark_detection
from mimictalk.console import Console
from mimictalk.content_credentials import read_credentials
from mimictalk.marks import now
from mimictalk.provenance import Origin, Provenance
from mimictalk.render_job import RenderSettings
from mimictalk.signing_key import local_key
from mimictalk.video_settings import PIPE
from mimictalk.video_writer import VideoWriter
from mimictalk.watermark import Watermark
from mimictalk.watermark_detection import detect

UNMARKED = 1_000_000  # seeds of unmarked clips begin here
FEW = 2  # frames of unmarked clips: more would only be averaged
Task = tuple[str, int, int]  # kind, seed, and frames or edits
HALVED = "halved"  # marked clips of 256 x 256
Result = dict[str, int]
WRITTEN_CRF = 18  # as the app writes
PSNR_DB, EMBED_MS, FOUND = 42.0, 3.0, 0.99


MEASURED: tuple[ModuleType, ...] = (
    trust_clips,
    trust_scenes,
    content_credentials,
    provenance,
    watermark,
    watermark_code,
    watermark_detection,
)


def state_file() -> Path:
    """Where it is kept how far a run has come: a file of its own for every version of what is measured."""
    sources = "".join(map(inspect.getsource, MEASURED))
    return (
        Path(tempfile.gettempdir())
        / f"mimictalk-trust-{hashlib.sha256(sources.encode()).hexdigest()[:12]}.jsonl"
    )


def main() -> None:
    """Measure and print."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--renders", type=int, default=20, help="videos that are signed")
    told.add_argument("--edits", type=int, default=100, help="one-bit edits, spread over the signed videos")
    told.add_argument("--clips", type=int, default=10, help="marked clips per attack")
    told.add_argument("--halved", type=int, default=0, help="marked clips of 256 x 256 per attack")
    told.add_argument("--unmarked", type=int, default=20, help="unmarked clips per attack")
    told.add_argument("--frames", type=int, default=16, help="of each marked clip")
    told.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--state", type=Path, default=state_file(), help="how far a run has come")
    told.add_argument("--again", action="store_true", help="forget earlier runs")
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    given = told.parse_args()
    if given.again:
        given.state.unlink(missing_ok=True)
    each = Counter(int(index * given.renders / max(given.edits, 1)) for index in range(given.edits))
    signed = [("signed", given.seed + index, each[index]) for index in range(given.renders)]
    marked = [("marked", given.seed + index, given.frames) for index in range(given.clips)]
    small = [(HALVED, given.seed + index, given.frames) for index in range(given.halved)]
    others = [("unmarked", UNMARKED + given.seed + index, FEW) for index in range(given.unmarked)]
    local_key()  # made once, before several processes look for it
    left = iter(all_done([*signed, *marked, *small, *others], given.state, given.workers))
    of_signed, of_marked, of_small, of_others = (
        [next(left) for _ in tasks] for tasks in (signed, marked, small, others)
    )
    figures = [*signatures(of_signed, given.edits), *cost(given.seed)]
    figures += [*rates(of_marked, marked=True), *rates(of_others, marked=False)]
    figures += rates(of_small, marked=True, at=" at 256 x 256")
    sides = f"{SIDES[0]} to {SIDES[-1]} pixels and {len(KINDS)} kinds"
    about = f"marked clips of {given.frames} frames, others of {FEW} of {sides}"
    seeds = {"not found": missed(marked, of_marked, 0), "false alarms": missed(others, of_others, 1)}
    seeds["not found at 256 x 256"] = missed(small, of_small, 0)
    report(
        "trust", given.seed, figures, given.keep, f"{given.workers} processes, {about}", failed_seeds=seeds
    )


def all_done(tasks: list[Task], state: Path, workers: int) -> list[Result]:
    """The results of tasks, in their order; those that an earlier run kept are not done again.

    Args:
        tasks: Kind, seed and size of each.
        state: File of one JSON line a task; a line that was cut off does not count.
        workers: Processes.
    """
    for library in ("OMP", "OPENBLAS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # the processes are enough
    lines = state.read_bytes().split(b"\n")[:-1] if state.exists() else []
    kept: dict[Task, Result] = {tuple(task): result for task, result in map(json.loads, lines)}
    rest = [task for task in tasks if task not in kept]
    with (
        state.open("wb") as file,
        multiprocessing.get_context("spawn").Pool(workers) as pool,
    ):
        file.writelines(_line(task, result) for task, result in kept.items())
        for number, (task, result) in enumerate(pool.imap_unordered(done, rest), 1):
            kept[task] = result
            file.write(_line(task, result))
            file.flush()
            if number % 10 == 0 or number == len(rest):
                print(f"{number}/{len(rest)} {task[0]}", file=sys.stderr, flush=True)
    return [kept[task] for task in tasks]


def _line(task: Task, result: Result) -> bytes:
    return json.dumps([task, result]).encode() + b"\n"


def done(task: Task) -> tuple[Task, Result]:
    """Do one task."""
    kind, seed, size = task
    if kind == "signed":
        return task, sign_and_edit(seed, size)
    return task, found(seed, frames=size, marked=kind != "unmarked", half=kind == HALVED)


def sign_and_edit(seed: int, edits: int) -> Result:
    """Sign a video and read it back; change single bits: `whole` and the number of edits not noticed."""
    rng = np.random.default_rng(seed)
    silent = Console(quiet=True, err=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        video, changed = Path(folder) / "video.mp4", Path(folder) / "changed.mp4"
        origin = Origin({}, avatar_sha256=rng.bytes(32).hex())
        maker = Provenance(RenderSettings(audio=PIPE, out=video), origin, silent)
        still = SimpleNamespace(frames=lambda count: clip(seed, count))
        created = now()
        with VideoWriter(video, None, leader="picture", metadata=maker.metadata(created)) as writer:
            for frame in maker.marking(lambda: still)().frames(3):
                writer.write(frame)
        maker.mark_file(video, created)
        read = read_credentials(video, "video/mp4")
        whole = read.state == "valid" and read.synthetic and read.signer == "here"
        whole &= read.render.get("avatarSha256") == origin.avatar_sha256
        content, places = video.read_bytes(), np.concatenate([np.array(r) for r in media_bytes(video)])
        unnoticed = 0
        for _ in range(edits):
            changed.write_bytes(changed_byte(content, int(rng.choice(places)), int(rng.integers(8))))
            unnoticed += read_credentials(changed, "video/mp4").state != "altered"
    return {"whole": int(whole), "unnoticed": unnoticed}


def signatures(results: list[Result], edits: int) -> list[Figure]:
    """How many videos were not validly signed, and how many edits were not noticed."""
    unsigned = sum(not one["whole"] for one in results)
    unnoticed = sum(one["unnoticed"] for one in results)
    signed, noticed = "renders not validly signed", "one-bit edits not noticed"
    return [*failures(signed, unsigned, len(results)), *failures(noticed, unnoticed, edits)]


def cost(seed: int) -> list[Figure]:
    """What the watermark costs in quality and time."""
    rng = np.random.default_rng(seed)
    frames = [clip(seed + index, 1)[0] for index in range(20)]
    frames += [rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)]
    mark = Watermark(seed)
    quality = [float(peak_signal_noise_ratio(frame, mark.embed(frame))) for frame in frames]
    times = []
    for _ in range(20):
        for frame in frames:
            began = time.thread_time()
            mark.embed(frame)
            times.append(time.thread_time() - began)
    return [
        figure("PSNR of the watermark, worst", min(quality), "dB", goal=PSNR_DB),
        figure("PSNR of the watermark, median", float(np.median(quality)), "dB", goal=PSNR_DB),
        figure("time to embed, 512 x 512", 1e3 * float(np.median(times)), "ms", goal=EMBED_MS, most=True),
    ]


def found(seed: int, *, frames: int, marked: bool, half: bool = False) -> Result:
    """For one clip, marked ones of half the size too, and every attack: 1 where the watermark (marked: the right
    one) is found."""
    payload = int.from_bytes(np.random.default_rng(seed).bytes(8), "big")
    if marked:
        plain = [halved(frame) for frame in clip(seed, frames)] if half else clip(seed, frames)
        mark = Watermark(payload, plain[0].shape[1::-1])
        pictures = [mark.embed(frame) for frame in plain]
    else:
        pictures = scene(seed, frames)
    written, results = coded(pictures, WRITTEN_CRF), {}
    for name, attack in ATTACKS.items():
        read = detect(brightness(attack(written))).payload
        results[name] = int(read == payload if marked else read is not None)
    return results


def rates(results: list[Result], marked: bool, at: str = "") -> list[Figure]:
    """How often the mark was found per attack: wanted on marked clips, not on others; `at` is said of their size."""
    figures: list[Figure] = []
    for name in ATTACKS if results else ():
        hits = sum(result[name] for result in results)
        if marked:
            figures.append(
                figure(f"found{at}, {name}", hits / len(results), f"of {len(results)}", goal=FOUND)
            )
        else:
            figures += failures(f"false alarms, {name}", hits, len(results))
    return figures


def missed(tasks: list[Task], results: list[Result], wrong: int) -> dict[str, list[int]]:
    """The seeds of the clips whose result is the wrong one, by attack."""
    of_attack = {
        name: [seed for (_, seed, _), result in zip(tasks, results, strict=True) if result[name] == wrong]
        for name in ATTACKS
    }
    return {name: seeds for name, seeds in of_attack.items() if seeds}


def failures(name: str, failed: int, tried: int) -> list[Figure]:
    """The number of failures, and below what rate they are where there was none (rule of three)."""
    if not tried:
        return [figure(name, None, "of 0", goal=0, most=True, reason="none was tried")]
    count = figure(name, float(failed), f"of {tried}", goal=0, most=True)
    if failed:
        return [count]
    return [count, figure(f"{name}, rate below (95 %)", 3 / tried, "share")]


if __name__ == "__main__":
    main()
