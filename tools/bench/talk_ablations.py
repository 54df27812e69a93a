"""The paper's ablations of the motion model: each variant trained alike, then judged alike.

Every variant is a whole run of tools/train_talk_motion.py on one shared corpus and pool; runs that are there
are taken up, so the same command goes on after a stop. The last step of each counts: chosen by real clips, variants
would be judged at different ages, and on what chose them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import train_talk_motion
from bench.figures import Figure, figure
from bench.talk_style import style_figures
from talk_clips import TalkClip
from talk_motion import MotionModel
from talk_motion.training.infilling_stage import WEIGHTS

VARIANTS = {
    "full": [],
    "no-flow": ["--objective", "regression"],
    "style-vector": ["--style", "vector"],
    "no-sync": ["--sync", "0"],
}
SPEAKING = {"no-flow": {"steps": 1, "temperature": 0.0}}  # there is no flow to follow
SYNC = ["--sync", "0.1"]  # of every variant that does not say otherwise


def ablation_figures(
    names: list[str],
    work: Path,
    options: list[str],
    clips: list[TalkClip],
    style: tuple[int, float, int],
) -> list[Figure]:
    """Real clips and synthetic test set for each variant, those of "full" as the baseline.

    Args:
        names: of the variants, from `VARIANTS`.
        work: folder for corpus, pool and runs.
        options: of tools/train_talk_motion.py, for all variants.
        clips: real clips.
        style: speakers, seconds and seed of the synthetic test set.
    """
    out: list[Figure] = []
    full: dict[str, object] = {}
    for name in ["full", *(name for name in names if name != "full")]:
        print(f"{name}:", file=sys.stderr)
        model, scores = variant(name, work, options, clips)
        found = style_figures(model, work / "corpus", *style, **SPEAKING.get(name, {}))
        if scores:
            mean = round(sum(scores.values()) / len(scores), 3)
            found.insert(0, figure("mean correlation on real clips, lag 0", mean, ""))
        for one in found:
            base = None if name == "full" else full.get(str(one["name"]))
            out.append({**one, "name": f"{name}: {one['name']}", "baseline": base})
        if name == "full":
            full = {str(one["name"]): one["value"] for one in found}
    return out


def variant(
    name: str, work: Path, options: list[str], clips: list[TalkClip]
) -> tuple[MotionModel, dict[str, float]]:
    """A trained variant and its correlation on each real clip."""
    run = work / "ablations" / name
    told = ["--work", str(work), "--run", str(run), *SYNC, *options, *VARIANTS[name]]
    args: argparse.Namespace = train_talk_motion.parser().parse_args(told)
    train_talk_motion.train(args, [])
    model = MotionModel.from_pretrained(run / WEIGHTS)
    steps = SPEAKING.get(name, {}).get("steps", 2)
    return model, train_talk_motion.judge(model, clips, int(steps))
