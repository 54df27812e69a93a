"""The measuring run: options in, figures out. docs/measuring.md explains each figure."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from measure_line.app import App
from measure_line.audio_driven import CORRELATION_MEAN, Speech, measure_model, measure_rendered
from measure_line.figures import Figure, report, write
from measure_line.process import CommandFailed
from measure_line.video_driven import Person, measure_start, measure_video

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ("ref_m_german_20s", "ref_m_french_50s", "ref_f_crop512_24s", "ref_m_synthetic_15s")
CLEAR_GAIN, CLEAR_CLIPS = 2.0, 2  # so many dB over the better still on so many clips
DEMO_MINUTES = 6.0


def parser() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    told = argparse.ArgumentParser(prog="measure_line.py", description=__doc__)
    told.add_argument("clips", nargs="*", metavar="CLIP", help=f"names or files [default: {' '.join(CLIPS)}]")
    told.add_argument("--out", type=Path, default=ROOT / "out" / "line", help="folder of everything made")
    told.add_argument("--steps", type=int, help="steps of the adaptation, instead of the preset's")
    told.add_argument("--budget", help="time of the adaptation, such as 10m")
    told.add_argument("--start-steps", type=int, default=100, help="steps of embedded against random start")
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--reuse", action="store_true", help="keep the avatars and videos that --out holds")
    told.add_argument("--skip-video", action="store_true", help="leave out held-out frames")
    told.add_argument("--skip-random", action="store_true", help="leave out embedded against random start")
    told.add_argument("--skip-audio", action="store_true", help="leave out speech and silence")
    told.add_argument("--skip-demo", action="store_true", help="leave out the time of the demo")
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the report as the last line of stdout; 1 if something could not be measured, else 0."""
    asked = parser().parse_args(arguments)
    media = Path(os.environ.get("MIMICTALK_MEDIA", ROOT.parent / "shared" / "media"))
    clips = [find_clip(name, media) for name in asked.clips or CLIPS]
    out = asked.out.resolve()
    figures: list[Figure] = []
    for clip in clips:
        figures += measure_clip(clip, out / clip.stem, asked)
    figures += over_all(figures, [clip.stem for clip in clips])
    if not asked.skip_demo:
        figures += attempt("demo", lambda: [demo(out / "demo", asked)])
    entry = report(figures, ROOT, asked.seed)
    line = write(entry, out / "line.json")
    for figure in entry["figures"]:
        print(describe(figure), file=sys.stderr)
    print(line)
    return int(any(figure.value is None for figure in figures))


def find_clip(name: str, media: Path) -> Path:
    """Return the file of a clip given by name or path."""
    for path in (Path(name), media / name, media / f"{name}.mp4"):
        if path.is_file():
            return path
    raise SystemExit(f"{name}: no such clip, neither here nor in {media} (set MIMICTALK_MEDIA)")


def measure_clip(clip: Path, folder: Path, asked: argparse.Namespace) -> list[Figure]:
    """Return all figures of one clip; a part that fails becomes one figure without value that says why."""
    options = ["--steps", str(asked.steps)] if asked.steps else []
    options += ["--budget", asked.budget] if asked.budget else []
    folder.mkdir(parents=True, exist_ok=True)
    app = App(folder, asked.seed, asked.reuse)
    person = Person.of(clip, folder)
    figures: list[Figure] = []
    if not asked.skip_video:
        figures += attempt(f"{clip.stem}/video", lambda: measure_video(person, app, options))
    if not asked.skip_audio:
        speech = Speech.of(person, clip)
        figures += attempt(f"{clip.stem}/lips_model", lambda: measure_model(person, speech, app))
    if not asked.skip_audio and person.avatar.exists():
        figures += attempt(f"{clip.stem}/lips_rendered", lambda: measure_rendered(person, speech, app))
    if not asked.skip_random:
        start = ["--start", "random"]
        figures += attempt(f"{clip.stem}/start", lambda: measure_start(person, app, asked.start_steps, start))
    return figures


def attempt(name: str, measure: Callable[[], list[Figure]]) -> list[Figure]:
    """Return what `measure` finds, or a figure that holds not and tells why."""
    try:
        return measure()
    except (CommandFailed, ValueError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        return [Figure(name, None, "", bar=0.0, reason=" | ".join(str(error).splitlines())[:500])]


def over_all(figures: list[Figure], clips: list[str]) -> list[Figure]:
    """Return the figures that speak of all clips together; only when all reference clips were measured."""
    if set(clips) != set(CLIPS):
        return []
    found = {figure.name: figure.value for figure in figures if figure.value is not None}

    def values(name: str) -> list[float]:
        return [found[f"{clip}/{name}"] for clip in clips if f"{clip}/{name}" in found]

    gains = values("full_psnr_gain")
    clear = sum(gain >= CLEAR_GAIN for gain in gains)
    together = [Figure("all/clips_2_db_over_stills", float(clear), "clips", bar=float(CLEAR_CLIPS))]
    for name in ("lips_model_correlation", "lips_rendered_correlation"):
        each = values(name)
        if len(each) == len(clips):
            mean = sum(each) / len(each)
            together.append(Figure(f"all/{name}", mean, "r", bar=CORRELATION_MEAN))
    return together


def demo(folder: Path, asked: argparse.Namespace) -> Figure:
    """Return the time of the main job on embedded data."""
    folder.mkdir(parents=True, exist_ok=True)
    run = App(folder, asked.seed, asked.reuse).demo(folder / "demo")
    return Figure("demo/minutes", run.seconds / 60, "min", bar=DEMO_MINUTES, sense="<=")


def describe(figure: dict) -> str:
    """Return one readable line about a figure of the report."""
    verdict = {True: "holds", False: "MISSED", None: ""}[figure["holds"]]
    bar = f"{figure['sense']} {figure['bar']}" if figure["bar"] is not None else ""
    baseline = f"baseline {figure['baseline']}" if figure["baseline"] is not None else ""
    value = figure["value"] if figure["value"] is not None else f"none: {figure['reason']}"
    return (
        f"{figure['name']:<46} {value!s:>9} {figure['unit']:<10} {bar:<12} {verdict:<7} {baseline}".rstrip()
    )
