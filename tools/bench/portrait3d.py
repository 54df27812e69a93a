"""Judges one-shot portraits of `portrait3d` on synthetic people that no training has seen.

    .venv/bin/python tools/bench/portrait3d.py --cache heads --sheets looks     # about two minutes, later less
    .venv/bin/python tools/bench/portrait3d.py --weights FOLDER --people 12 --keep portrait3d.json
    .venv/bin/python tools/bench/portrait3d.py --refine    # as mimictalk oneshot draws them; half a minute more each

Each person is drawn from one picture, nearly from the front. Measured beside the truth: the same face turned
by +-30 degrees and nodded by +-15 (PSNR over head and whole picture, sharpness; beside it the source picture
itself and the head that all people share), other expressions (AED by tracking drawn and true frames with
face3dmm, beside a face that does not move), and whether one shape explains the landmarks of all views.
Progress goes to stderr, one JSON object to the last line of stdout.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: this file's name would hide the package.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from bench.portrait_drawing import drawn_frames, identity_of, mean_identity, unmoved_frames
from bench.portrait_heads import FIRST_PERSON, TestHead, test_heads
from bench.portrait_measures import (
    expression_distance,
    face_sharpness,
    frame_psnr,
    head_psnr,
    opening_error,
    reprojection,
    track,
    turn_between,
)
from portrait3d.model import Portrait3D
from portrait3d.one_shot import RefineConfig

GOAL_PSNR, GOAL_AED = 24.0, 2.0
Values = dict[str, list[float]]


def judge(model: Portrait3D, head: TestHead, refine: RefineConfig | None, sheet: Path | None) -> Values:
    """Everything that is measured on one person, by name; several numbers where there are several frames."""
    identity = identity_of(model, head, refine)
    drawn = drawn_frames(model, identity, head)
    unmoved = unmoved_frames(model, identity, head)
    average = drawn_frames(model, mean_identity(model, head), head)
    still = np.repeat(head.frames[:1].numpy(), len(head.frames), 0)
    values: Values = defaultdict(list)
    for kind, index in ({"source": [0]} | head.views).items():
        for name, frames in (("", drawn), ("_source_picture", still), ("_mean_head", average)):
            true, mask = head.frames[index], head.head[index]
            values[f"{kind}/psnr_head{name}"] += list(head_psnr(true, frames[index], mask))
            values[f"{kind}/psnr{name}"] += list(frame_psnr(true, frames[index]))
        values[f"{kind}/sharpness"] += list(face_sharpness(head, drawn[index], index))
    _judge_tracked(head, drawn, unmoved, values)
    if sheet:
        from measure_line.sheets import contact_sheet

        rows = {"truth": head.frames.numpy(), "one shot": drawn, "mean head": average}
        contact_sheet(sheet, rows, columns=len(drawn))
    return values


def _judge_tracked(head: TestHead, drawn: np.ndarray, unmoved: np.ndarray, values: Values) -> None:
    """Expressions, poses and shape, as the tracker sees them in drawn and in true frames."""
    (truth,) = track(head.frames.numpy())
    seen, rest = track(drawn, unmoved)
    said, turned = head.expressions, [one for views in head.views.values() for one in views]
    views = [0, *turned]
    one_sided = truth.euler[:1].expand(len(turned), -1)
    for name, other in (("", seen), ("_no_motion", rest)):
        aed = expression_distance(other.expression[said], truth.expression[said])
        values[f"aed{name}"] += aed.tolist()
        values[f"opening{name}"] += opening_error(other.landmarks[said], truth.landmarks[said]).tolist()
    values["found"] += seen.found.float().tolist()
    values["apd"] += turn_between(seen.euler[turned], truth.euler[turned]).tolist()
    values["apd_source_picture"] += turn_between(one_sided, truth.euler[turned]).tolist()
    for name, other in (("", seen), ("_truth", truth)):
        values[f"reprojection{name}"].append(reprojection(other.landmarks[views], head, views))


def figures_of(values: Values) -> list[Figure]:
    """The means over all people."""
    mean = {
        name: float(np.nanmean(numbers)) for name, numbers in values.items() if np.isfinite(numbers).any()
    }
    found = []
    for kind in ("yaw", "pitch", "source"):
        angle = {
            "yaw": "+-30 degrees of yaw",
            "pitch": "+-15 degrees of pitch",
            "source": "the source's view",
        }
        goal = GOAL_PSNR if kind == "yaw" else None
        for region, where in (("_head", "over the head"), ("", "over the whole picture")):
            name, unit = f"{kind}/psnr{region}", f"dB {where} at {angle[kind]}"
            copy = None if kind == "source" else mean[f"{name}_source_picture"]
            found.append(
                figure(name, mean[name], f"{unit}; baseline: the source picture", baseline=copy, goal=goal)
            )
            found.append(
                figure(f"{name}_mean_head", mean[f"{name}_mean_head"], f"{unit}, by the head all share")
            )
        found.append(figure(f"{kind}/sharpness", mean[f"{kind}/sharpness"], "of the true face's detail"))
    pairs = (
        ("aed", "aed_no_motion", "% of the face's width, AED, tracked; baseline: no motion"),
        ("opening", "opening_no_motion", "distances between the eyes, error of the mouth's opening"),
        ("apd", "apd_source_picture", "degrees, APD of the turned heads, tracked; baseline: not turned"),
        ("reprojection", "reprojection_truth", "px of 512: landmarks of 5 views as one shape; baseline: truth"),
    )  # fmt: skip
    for name, base, unit in pairs:
        reason = "" if name in mean and base in mean else "no face was found in the drawn frames"
        figures = (None, None) if reason else (mean[name], mean[base])
        found.append(figure(name, figures[0], unit, baseline=figures[1], reason=reason))
        if name == "aed":
            ratio = None if reason else mean[base] / mean[name]
            found.append(
                figure("aed_times_lower", ratio, "x lower than no motion", goal=GOAL_AED, reason=reason)
            )
    found.append(figure("found", 100 * mean["found"], "% of drawn frames in which a face is found"))
    return found  # fmt: skip


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="small", help="a folder with small.safetensors [embedded]")
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument(
        "--refine",
        type=int,
        nargs="?",
        const=RefineConfig.steps,
        metavar="STEPS",
        help="learn the likeness too",
    )
    parser.add_argument("--cache", type=Path, help="folder that keeps the drawn test heads")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets to look at")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    args = parser.parse_args()
    if args.people < 1:
        parser.error("--people must be positive")
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    model = Portrait3D.from_pretrained(args.weights)
    if args.sheets:
        args.sheets.mkdir(parents=True, exist_ok=True)
    values: Values = defaultdict(list)
    for number, head in enumerate(test_heads(args.people, args.cache)):
        sheet = args.sheets / f"one_shot_{number:03d}.png" if args.sheets else None
        own = judge(model, head, RefineConfig(steps=args.refine) if args.refine else None, sheet)
        for name, numbers in own.items():
            values[name] += numbers
        print(
            f"person {number}: " + ", ".join(f"{k} {np.mean(v):.3g}" for k, v in own.items()), file=sys.stderr
        )
    report("portrait3d", FIRST_PERSON, figures_of(values), args.keep)


if __name__ == "__main__":
    main()
