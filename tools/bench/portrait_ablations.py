"""The paper's ablations of the portrait model: every variant trained alike on synthetic people, judged on others.

    .venv/bin/python tools/bench/portrait_ablations.py --work DIR       # an hour of one core the first time

Variants, training and measures are those of `mimictalk train ablate` at its tiny sizes (128 pixels); DIR keeps people
and runs, and the same command goes on after a stop. A figure is a variant's, its baseline that of the whole method, and
it holds where the variant is worse, as the paper has it (Real3D-Portrait, Ye et al. 2024, its ablations). One
seed each: small differences say little. Progress goes to stderr, one JSON object to the last line of stdout.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from mimictalk.console import Console
from mimictalk.training_ablation import VARIANTS, run_ablation
from synthetic_heads.make import main as make_heads

SIZE = 128
# Folder and how its people are made: faces from several sides, and faces that move.
PEOPLE = {
    "train/views": ["--people", "80", "--frames", "9", "--views", "3", "--seed", "21"],
    "train/clips": ["--people", "60", "--frames", "16", "--clips", "--seed", "11"],
    "held/views": ["--people", "10", "--frames", "9", "--views", "3", "--seed", "901"],
    "held/clips": ["--people", "10", "--frames", "16", "--clips", "--seed", "902"],
}
UNITS = {
    "psnr_box": "dB over the head's box, other views",
    "psnr_moved": "dB around the mouth, other expressions",
    "jitter": "mean second difference over mean change of diff-planes",
    "torso_psnr": "dB over the torso",
}
# What a variant is to be worse in; jitter is worse where there is more of it.
WORSE_IN = {
    "no-pretraining": "psnr_box",
    "no-finetuning": "psnr_moved",
    "narrow": "psnr_box",
    "no-laplacian": "jitter",
    "learned-keypoints": "torso_psnr",
    "concat": "torso_psnr",
    "no-inpainting": "torso_psnr",
}


def ablation_figures(table: dict[str, dict[str, float]]) -> list[Figure]:
    """What each variant is worse in, and its other measures beside those of the whole method.

    Args:
        table: Of `run_ablation`: name in the paper to measures.
    """
    whole = table[VARIANTS["full"].name]
    found = [figure(f"full/{name}", whole[name], unit) for name, unit in UNITS.items()]
    for key, worse in WORSE_IN.items():
        row = table.get(VARIANTS[key].name)
        for name, unit in UNITS.items() if row is not None else ():
            goal = whole[name] if name == worse else None
            found.append(
                figure(
                    f"{key}/{name}", row[name], unit, baseline=whole[name], goal=goal, most=name != "jitter"
                )
            )
    return found


def main() -> None:
    """Make people, train, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for people and runs")
    parser.add_argument("--variants", nargs="+", choices=list(WORSE_IN), default=list(WORSE_IN))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    for place, told in PEOPLE.items():
        make_heads([*told, "--size", str(SIZE), "--out", str(asked.work / place)])
    configs = {stage: f"tiny_{stage}" for stage in ("i2p", "motion", "torso")}
    train, held = (
        [asked.work / place for place in PEOPLE if place.startswith(part)] for part in ("train", "held")
    )
    names = ["full", *asked.variants]
    facts = run_ablation(configs, train, held, asked.work / "out", names, Console())
    report("portrait_ablations", 0, ablation_figures(facts["table"]), asked.keep)


if __name__ == "__main__":
    main()
