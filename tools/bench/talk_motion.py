"""Judges talk-motion: real clips it has not seen, fine-tuning on a person, a synthetic test set, ablations.

    .venv/bin/python tools/bench/talk_motion.py --tracks /tmp/tracks                     # real clips
    .venv/bin/python tools/bench/talk_motion.py --tracks /tmp/tracks --parts person
    .venv/bin/python tools/bench/talk_motion.py --work /tmp/talk_motion --parts style    # needs a corpus
    .venv/bin/python tools/bench/talk_motion.py --tracks /tmp/tracks --work /tmp/talk_motion \\
        --parts ablations --variants no-flow no-sync --training "--steps 300"

Real clips are never trained on; the embedded weights were chosen among training steps by their scores on
these clips, so the bench also reports the score at the step that the other clips would have chosen, where
the training history is given (--history). What each part measures stands in talk_real.py, talk_person.py,
talk_style.py and talk_ablations.py beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from bench.talk_ablations import VARIANTS, ablation_figures
from bench.talk_person import person_figures
from bench.talk_real import left_out, real_figures
from bench.talk_style import SPEAKERS, style_figures
from talk_clips import load_clips
from talk_motion import MotionModel
from talk_motion.person_tuning import TuningConfig

PARTS = ("real", "person", "style", "ablations")


def figures(args: argparse.Namespace) -> list[Figure]:
    """The figures of the parts that were asked for."""
    torch.set_flush_denormal(True)
    clips = load_clips(args.tracks) if args.tracks else []
    model = MotionModel.from_pretrained(args.weights)
    style = (args.speakers, args.seconds, args.seed)
    found: list[Figure] = []
    if "real" in args.parts:
        found += real_figures(model, clips)
        if args.history and clips:
            scores = left_out(json.loads(args.history.read_text()), [clip.name for clip in clips])
            name = "mean correlation at the step that the other clips choose"
            found.append(figure(name, round(float(np.mean(list(scores.values()))), 3), "", goal=0.45))
    if "person" in args.parts:
        found += person_figures(model, clips, TuningConfig(steps=args.tuning_steps))
    if "style" in args.parts:
        found += style_figures(model, args.work / "corpus", *style)
    if "ablations" in args.parts:
        found += ablation_figures(args.variants, args.work, args.training.split(), clips, style)
    return found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("--parts", nargs="+", choices=PARTS, default=["real"])
    out.add_argument("--weights", default="small")
    out.add_argument("--tracks", type=Path, help="folder that keeps tracked clips")
    out.add_argument("--history", type=Path, help="history.json of the training run")
    out.add_argument("--work", type=Path, help="folder with the corpus, for style and ablations")
    out.add_argument("--speakers", type=int, default=SPEAKERS, help="of the synthetic test set")
    out.add_argument("--seconds", type=float, default=40, help="of each prompt and speech in it")
    out.add_argument("--seed", type=int, default=2_000_000, help="of the synthetic test set")
    out.add_argument("--tuning-steps", type=int, default=TuningConfig.steps)
    out.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    out.add_argument("--training", default="", help="options of tools/train_talk_motion.py for the variants")
    out.add_argument("--threads", type=int, default=2)
    out.add_argument("--keep", type=Path, help="write the JSON here too")
    return out


def main() -> None:
    given = parser()
    args = given.parse_args()
    if {"style", "ablations"} & set(args.parts) and args.work is None:
        given.error("style and ablations need --work")
    torch.set_num_threads(args.threads)
    report("talk_motion", args.seed, figures(args), args.keep)


if __name__ == "__main__":
    main()
