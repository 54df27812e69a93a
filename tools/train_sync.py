"""Trains talk-motion's sync expert on synthetic speech with known mouths.

    .venv/bin/python tools/train_sync.py --work /tmp/sync

Needs Debian's espeak-ng, flite and festival with voices (see tools/synthetic_speech). Everything follows
from the seed; a batch is a function of (seed, step); `--work` keeps the corpus, the pools of sounds and the
training state, so that the same command goes on exactly where it was stopped. Some voices are left out of
training: the weights are those with the least loss on them. Real clips take no part (tools/bench/sync.py
judges on them afterwards).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from synthetic_speech.corpus import Corpus, make_corpus
from synthetic_speech.make import HELD_VARIANTS, HELD_VOICES, only
from synthetic_speech.mouth import LipGap
from synthetic_speech.pool import Pool
from talk_motion.space import MotionSpace
from talk_motion.training.run import train as train_stage
from talk_motion.training.settings import Optimisation, Reporting, TrainingSettings
from talk_motion.training.sync_stage import WEIGHTS, Pairs, SyncStage
from train_talk_motion import build_space

SETTINGS = (
    *("seed", "minutes", "sounds", "held_sounds", "frames", "steps", "batch", "held", "rate"),
    *("width", "dropout", "every"),
)  # of the command line, that decide the weights


def pairs(pool: Pool, space: MotionSpace, gap: LipGap) -> Pairs:
    """Clips of a pool as the training wants them."""

    def draw(seed: int, step: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        batch = pool.batch(seed, step, size, space, gap)
        return batch.audio, batch.motion

    return draw


def train(args: argparse.Namespace) -> dict[str, float]:
    """Makes what is missing in the work folder, trains, and writes the weights."""
    torch.set_num_threads(args.threads)
    work: Path = args.work
    if not (work / "corpus" / "index.json").is_file():
        make_corpus(work / "corpus", args.minutes, args.seed)
    corpus = Corpus(work / "corpus")
    pools = {}
    for name, held, count, seed in (
        ("held", True, args.held_sounds, 1_000_000 + args.seed),
        ("pool", False, args.sounds, args.seed),
    ):
        if not (work / name / "pool.json").is_file():
            Pool.build(only(corpus, held), work / name, count, args.frames, seed)
        pools[name] = Pool(work / name)
    space, gap = build_space(pools["pool"], args.seed, work / "space.safetensors")
    settings = TrainingSettings(
        "sync",
        seed=args.seed,
        frames=args.frames,
        held=args.held,
        optimisation=Optimisation(steps=args.steps, batch=args.batch, learning_rate=args.rate),
        reporting=Reporting(judge_every=args.every, save_every=args.every),
        model={"width": args.width, "dropout": args.dropout},
    )
    stage = SyncStage(settings, space, pairs(pools["pool"], space, gap), pairs(pools["held"], space, gap))
    made = {"minutes": round(corpus.seconds / 60), "sounds": len(pools["pool"]), "frames": args.frames}
    given = " ".join(f"--{name.replace('_', '-')} {getattr(args, name)}" for name in SETTINGS)
    card = {
        "what": "sync expert of talk_motion: contrast of speech features and mouth motion",
        "command": f"tools/train_sync.py --work WORK {given}",
        "data": made
        | {
            "kind": "synthetic speech with exact mouths (tools/synthetic_speech); no recording of a person",
            "held_sounds": len(pools["held"]),
            "held_voices": [*HELD_VOICES, *(f"espeak:*{variant}" for variant in HELD_VARIANTS)],
        },
        "chosen_by": "least loss on the held-out voices; real clips took no part",
        "licence": "MIT",
    }

    def judged(scores: dict[str, float]) -> None:
        print(" ".join(f"{name} {value:g}" for name, value in scores.items()), flush=True)

    result = train_stage(stage, settings, work, data=str(made), card=card, on_judged=judged)
    if args.out:
        for suffix in (".safetensors", ".json"):
            args.out.with_suffix(suffix).write_bytes((work / WEIGHTS).with_suffix(suffix).read_bytes())
    return result.best


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("--work", type=Path, required=True, help="folder for corpus, pools and state")
    out.add_argument(
        "--out", type=Path, help="where the chosen weights go, e.g. talk-motion's data/sync.safetensors"
    )
    out.add_argument("--seed", type=int, default=1)
    out.add_argument("--minutes", type=float, default=120, help="of synthetic speech")
    out.add_argument("--sounds", type=int, default=900, help="in the pool for training")
    out.add_argument("--held-sounds", type=int, default=60, help="in the pool of held-out voices")
    out.add_argument("--frames", type=int, default=250, help="per clip")
    out.add_argument("--steps", type=int, default=300)
    out.add_argument("--batch", type=int, default=16)
    out.add_argument("--held", type=int, default=48, help="clips per judgement")
    out.add_argument("--rate", type=float, default=2e-3)
    out.add_argument("--width", type=int, default=96)
    out.add_argument("--dropout", type=float, default=0.1)
    out.add_argument("--every", type=int, default=25, help="steps between judgements")
    out.add_argument("--threads", type=int, default=1)
    return out


if __name__ == "__main__":
    train(parser().parse_args())
