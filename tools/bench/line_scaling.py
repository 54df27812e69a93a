"""Time and memory of `render` against the length of the sound, of a frame against its size, of rays and samples.

    .venv/bin/python tools/bench/line_scaling.py --parts rays samples size          # two minutes
    .venv/bin/python tools/bench/line_scaling.py                                    # 2 to 128 s of speech, too
    .venv/bin/python tools/bench/line_scaling.py --hour --keep tools/bench/results/line_scaling.json \
        --draw docs/pictures/line_scaling.svg                                       # some hours

    length    the whole command, start and files included, in processes of its own: wall time, CPU time and the most
              resident memory of all of them together
    size      a frame, one on each core, at every size that there is; through two any line goes, so that none is told
    rays      the fused volume renderer on one core, 32 samples a ray, 32 x 32 to 256 x 256 rays
    samples   the same, 64 x 64 rays, 8 to 256 samples each

Without an avatar it is one that took no learning, and who speaks is the demo's synthetic voice, over and over: no media
are needed. Rays and samples are timed on a synthetic scene. All but lengths alternate, and the median of the rounds
counts; their memory is what a process of its own grows by meanwhile. Through each goes the line from which points
deviate least by their share (`straight`); memory that is flat has no variance to explain, so that its R squared says
nothing. The chart shows everything over its own largest value. Progress goes to
stderr, one JSON object to the last line of stdout.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from bench.render import Case, by, make_scene, resident_peak
from bench.speech_material import untrained_avatar, write_demo_speech
from bench.straight import line_through
from measure_line.process import run
from mimictalk.adapt_charts import chart_file, line_chart
from mimictalk.video_settings import SIZES
from triplane_render import render_planes

LENGTHS, HOUR = (2.0, 8.0, 32.0, 128.0), 3600.0  # seconds of speech
PLACES = {"size": SIZES, "rays": (32, 64, 96, 128, 192, 256), "samples": (8, 16, 32, 64, 128, 256)}
ONE = {"size": "pixel", "rays": "ray", "samples": "sample of a ray"}
FRAMES = 12  # drawn of every size at a time
STRAIGHT = 0.99  # R squared
SHOWN = ("time by length", "memory by length", "time by rays", "time by samples")
Curve = dict[str, Any]  # x and y: what and in which unit; points


def curve(x: str, y: str, points: Iterable[tuple[float, float]]) -> Curve:
    """Measured points and what they are."""
    return {"x": x, "y": y, "points": sorted(points)}


def by_length(avatar: Path, seconds: list[float], size: int, folder: Path) -> dict[str, Curve]:
    """Whole renders of speech of each length."""
    taken, computed, held = [], [], []
    places = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "STATE", "DATA")}
    for length in seconds:
        sound, video = folder / "speech.wav", folder / "out.mp4"
        write_demo_speech(sound, length)
        command = [sys.executable, "-m", "mimictalk", "render", str(avatar), "--audio", str(sound)]
        command += ["-o", str(video), "--size", str(size), "--json"]
        ran = run(command, folder / f"render_{length:g}.log", places)
        if ran.result["frames"] != round(25 * length):
            raise SystemExit(f"{ran.result['frames']} frames were drawn of {length:g} s")
        taken.append((length, ran.seconds))
        computed.append((length, ran.cpu_seconds))
        held.append((length, 1e3 * ran.peak_gb))
        video.unlink()
    speech = "second of speech"
    return {
        "time by length": curve(speech, "s", taken),
        "CPU time by length": curve(speech, "s of CPU", computed),
        "memory by length": curve(speech, "MB", held),
    }


def drawing(avatar_folder: Path, size: int) -> Callable[[], Any]:
    """FRAMES frames as `render` draws them; the face moves, so that no two are alike."""
    from mimictalk.avatar import Avatar
    from mimictalk.rendering import load_renderer
    from talk_motion import MotionSequence

    avatar = Avatar.load(avatar_folder)
    tensors = avatar.tensors()
    turn = torch.linspace(0, 2 * torch.pi, FRAMES)[:, None]
    expression, nod = 0.3 + 0.3 * turn.sin() * torch.eye(64)[:1], 0.1 * turn.cos() * torch.eye(3)[:1]
    place = tensors["source_translation"].expand(FRAMES, 3)
    pose = tensors["source_euler"] + nod, place
    motion = MotionSequence.from_tracking(expression, *pose, torch.zeros(FRAMES, 2))
    person = load_renderer(avatar, size=size)
    return lambda: [None for _ in person.frames(motion)]


def marching(rays: int, samples: int) -> Callable[[], Any]:
    """The volume renderer on rays x rays rays."""
    case = Case(f"{rays}_{samples}", rays, 24, 128, samples, 0, 0)
    scene = make_scene(case)
    return lambda: by(render_planes)(scene, case)


def work_of(part: str, at: int, avatar: Path) -> Callable[[], Any]:
    """What is timed at one place of a part."""
    if part == "size":
        return drawing(avatar, at)
    return marching(at, 32) if part == "rays" else marching(64, at)


def by_part(part: str, avatar: Path, rounds: int) -> dict[str, Curve]:
    """Time and memory of one part at all its places."""
    squared, parts = part != "samples", FRAMES if part == "size" else 1
    number = {at: float(at * at if squared else at) for at in PLACES[part]}
    taken = timed({at: work_of(part, at, avatar) for at in number}, rounds, parts)
    print(f"  {part}: {rounds} rounds", file=sys.stderr, flush=True)
    held = grown_apart(part, avatar)
    return {
        f"time by {part}": curve(ONE[part], "ms of CPU", ((number[at], taken[at]) for at in number)),
        f"memory by {part}": curve(ONE[part], "MB", ((number[at], held[at]) for at in number)),
    }


def timed(works: dict[int, Callable[[], Any]], rounds: int, parts: int = 1) -> dict[int, float]:
    """Median milliseconds of CPU time of each work over the rounds, which alternate.

    Args:
        works: By their place.
        rounds: How often each is done; once before that, for warmth.
        parts: What a work consists of; the time of one counts.
    """
    taken: dict[int, list[float]] = {at: [] for at in works}
    with torch.inference_mode():
        for turn in range(rounds + 1):
            for at, work in works.items():
                began = time.process_time()
                work()
                if turn:
                    taken[at].append(1e3 * (time.process_time() - began) / parts)
    return {at: statistics.median(times) for at, times in taken.items()}


def grown_apart(part: str, avatar: Path) -> dict[int, float]:
    """See `grown`, of all places of a part; in a process of its own, which gives back at once what it frees."""
    command = [sys.executable, __file__, str(avatar), "--grown", part]
    thrifty = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    environment = {**os.environ, **thrifty}
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return dict(zip(PLACES[part], map(float, answer.stdout.split()), strict=True))


def grown(work: Callable[[], Any]) -> float:
    """MB by which this process grows at most while it works; once before that, so that all is loaded."""
    with torch.inference_mode():
        work()
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is held now
        before = resident_peak()
        work()
    return resident_peak() - before


def figures(curves: dict[str, Curve]) -> list[Figure]:
    """The ends of each curve, and its line where there are points enough for one."""
    found = []
    for name, told in curves.items():
        points, y = told["points"], told["y"]
        for x, value in points:
            found.append(figure(f"{name}/{x:g}", value, y))
        if len(points) < 3 or min(value for _, value in points) <= 0:
            reason = f"{len(points)} points are no line" if len(points) < 3 else "some need nothing"
            found.append(figure(f"{name}/R squared", None, "share", reason=reason))
            continue
        line, each = line_through(points), f"{y} per {told['x']}"
        goal = STRAIGHT if name.startswith("time") else None
        found.append(figure(f"{name}/R squared", line.r_squared, "share", goal=goal))
        found.append(figure(f"{name}/largest deviation", line.deviation, "share of the line"))
        found.append(figure(f"{name}/slope", line.slope, each))
        found.append(figure(f"{name}/at 0", line.base, y))
    return found


def chart(curves: dict[str, Curve]) -> str:
    """An SVG of the curves that are to be straight, each over its own largest value in both directions."""
    shown = {}
    for name in SHOWN:
        points = curves.get(name, {"points": []})["points"]
        if points:
            across, up = max(x for x, _ in points), max(y for _, y in points)
            shown[name] = [(x / across, y / up) for x, y in points]
    return chart_file(line_chart("time and memory over those of the largest", shown, "of the largest"))


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=("length", *PLACES), default=["length", *PLACES])
    parser.add_argument("avatar", type=Path, nargs="?", help="[default: one that took no learning]")
    parser.add_argument("--lengths", nargs="+", type=float, default=list(LENGTHS), help="seconds of speech")
    parser.add_argument("--hour", action="store_true", help="an hour of speech as well")
    parser.add_argument("--size", type=int, default=512, choices=SIZES, help="of the videos by length")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    parser.add_argument("--draw", type=Path, metavar="FILE.svg", help="write the chart here")
    parser.add_argument("--grown", metavar="PART", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.grown:
        torch.set_num_threads(1)
        print(*(grown(work_of(given.grown, at, given.avatar)) for at in PLACES[given.grown]))
        return
    curves: dict[str, Curve] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        drawn = {"length", "size"} & {*given.parts}
        avatar = given.avatar or (untrained_avatar(folder) if drawn else folder)
        if "length" in given.parts:
            seconds = [*given.lengths, *([HOUR] if given.hour else [])]
            curves |= by_length(avatar.resolve(), seconds, given.size, folder)
        torch.set_num_threads(1)
        for part in PLACES:
            if part in given.parts:
                curves |= by_part(part, avatar, given.rounds)
    if given.draw:
        given.draw.write_text(chart(curves))
    about = f"lengths at {given.size} x {given.size} on {os.cpu_count()} cores"
    report("line_scaling", 0, figures(curves), given.keep, about, curves=curves)


if __name__ == "__main__":
    main()
