"""Trains talk-motion's small model on synthetic speech with known mouths.

    .venv/bin/python tools/train_talk_motion.py --work /tmp/talk_motion --tracks /tmp/tracks

Needs Debian's espeak-ng, flite and festival with voices (see tools/synthetic_speech). Everything follows
from the seed; a batch is a function of (seed, step), with motion and style drawn anew each time a sound is
used; the voices that tools/bench/talk_motion.py judges on are left out. `--work` keeps the corpus, the pool
of sounds and the training state, so that the same command goes on exactly where it was stopped. Weights are
chosen by early stopping on real clips where there are some (they are never trained on), because the score on
synthetic speech goes on rising after the real one peaks.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mimictalk.training_talk import face_basis
from synthetic_speech.corpus import Corpus, make_corpus
from synthetic_speech.face_model import open_face_gap
from synthetic_speech.make import only
from synthetic_speech.mouth import LipGap
from synthetic_speech.pool import NUMBERS, Batch, Pool
from talk_clips import TalkClip, correlation, load_clips
from talk_motion.model import MotionModel
from talk_motion.network import VelocityNetwork
from talk_motion.space import MotionSpace
from talk_motion.sync import SyncExpert
from talk_motion.training.face_basis import kept_space
from talk_motion.training.infilling_stage import CHANNELS, WEIGHTS, InfillingStage
from talk_motion.training.run import train as train_stage
from talk_motion.training.settings import Losses, Optimisation, Reporting, TrainingSettings


def build_space(pool: Pool, seed: int, kept: Path) -> tuple[MotionSpace, LipGap]:
    """Motion channels from the open face model and mouths of many styles; kept, to resume on the same."""
    gap, space = open_face_gap(), kept_space(kept)
    if space is None:
        samples = np.concatenate(
            [pool.motion(i % len(pool), gap, np.random.default_rng([seed, 1, i])) for i in range(150)]
        )
        space = kept_space(kept, face_basis().space(torch.from_numpy(samples).float(), CHANNELS))
    assert space is not None
    return space, gap


def judge(
    model: MotionModel, clips: list[TalkClip], steps: int = 2, temperature: float = 0.0
) -> dict[str, float]:
    """Correlation of the lip gap with the tracked opening, prompted by the first fifth, over the other
    four."""
    scores = {}
    for clip in clips:
        start = clip.frames // 5
        motion = model.space.to_motion(clip.expression)
        audio = clip.features.stack()
        noise = temperature * torch.randn(
            clip.frames - start, model.space.channels, generator=torch.Generator().manual_seed(0)
        )
        prompt = (audio[: 2 * start], motion[:start] - motion[:start].mean(dim=0))
        drawn = model.sample(audio[2 * start :], noise, prompt, steps=steps)
        scores[clip.name] = correlation(drawn[:, 0], clip.opening[start:])
    return scores


class StageJudgedOnClips(InfillingStage):
    """The stage whose weights are chosen on real clips."""

    real: list[TalkClip]

    def judge(self, kept: nn.Module) -> dict[str, float] | None:
        """Mean correlation over the clips, and each of them."""
        if not self.real:
            return None
        assert isinstance(kept, VelocityNetwork)
        steps = 1 if self.settings.losses.objective == "regression" else 2
        scores = judge(MotionModel(kept, self.space), self.real, steps)
        return {"score": float(np.mean(list(scores.values()))), **scores}


def settings_of(args: argparse.Namespace) -> TrainingSettings:
    """The command line as settings of the package."""
    return TrainingSettings(
        "a2m",
        seed=args.seed,
        frames=args.frames,
        optimisation=Optimisation(
            steps=args.steps,
            batch=args.batch,
            learning_rate=args.rate,
            precision="bfloat16" if args.bf16 else "float32",
        ),
        losses=Losses(objective=args.objective, sync=args.sync, phones=args.phones),
        reporting=Reporting(judge_every=args.every, save_every=args.every),
        model={
            "width": args.width, "layers": args.layers, "dropout": args.dropout, "style": args.style,
            "phones": len(NUMBERS) if args.phones else 0,
        },
    )  # fmt: skip


def hearing(weights: str) -> MotionModel:
    """A trained model that is to learn what is being said, and nothing else."""
    model = MotionModel.from_pretrained(weights)
    network = VelocityNetwork(replace(model.network.config, phones=len(NUMBERS)))
    network.load_state_dict(model.network.state_dict() | _untaught(network))
    network.requires_grad_(False)
    assert network.spell is not None
    network.spell.requires_grad_(True)
    return MotionModel(network, model.space, model.card)


def _untaught(network: VelocityNetwork) -> dict[str, torch.Tensor]:
    return {name: value for name, value in network.state_dict().items() if name.startswith("spell.")}


def train(args: argparse.Namespace, clips: list[TalkClip] | None = None) -> dict[str, float]:
    """Makes what is missing in the work folder, trains, writes the weights; gives their scores."""
    torch.set_num_threads(args.threads)
    work: Path = args.work
    if not (work / "corpus" / "index.json").is_file():
        make_corpus(work / "corpus", args.minutes, args.seed)
    corpus = Corpus(work / "corpus")
    if not (work / "pool" / "pool.json").is_file():
        Pool.build(only(corpus, held=False), work / "pool", args.sounds, args.frames, args.seed)
    pool = Pool(work / "pool")
    space, gap = build_space(pool, args.seed, work / "space.safetensors")
    settings, run = settings_of(args), args.run or work
    taught = hearing(args.only_phones) if args.only_phones else None
    if taught is not None:
        space = taught.space

    def batch(seed: int, step: int, size: int) -> Batch:
        return pool.batch(seed, step, size, space, gap)

    expert = SyncExpert.from_pretrained() if args.sync else None
    start = taught.network if taught is not None else None
    stage = StageJudgedOnClips(settings, space, batch, start=start, expert=expert)
    stage.real = clips if clips is not None else load_clips(args.tracks) if args.tracks else []
    data = {"minutes": round(corpus.seconds / 60), "sounds": len(pool), "frames": pool.frames}
    history: list[dict[str, float]] = []

    def judged(scores: dict[str, float]) -> None:
        history.append(scores)
        print(" ".join(f"{name} {value:.4g}" for name, value in scores.items()), flush=True)

    def show(done: int, total: int, terms: dict[str, float]) -> None:
        if done % 10 == 0:
            told = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
            print(f"step {done}/{total} {told}", flush=True)

    card: dict[str, Any] = {"what": "talk_motion small", "data": data, "licence": "MIT"}
    if taught is not None:
        card |= {"before": {"settings": taught.card.get("settings"), "data": taught.card.get("data")}}
    if args.phones:
        card["phones"] = list(NUMBERS)
    result = train_stage(stage, settings, run, data=str(data), card=card, progress=show, on_judged=judged)
    if history:
        (run / "history.json").write_text(json.dumps(history, indent=1))
    if args.out:
        for suffix in (".safetensors", ".json"):
            args.out.with_suffix(suffix).write_bytes((run / WEIGHTS).with_suffix(suffix).read_bytes())
    return result.best


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("--work", type=Path, required=True, help="folder for corpus, pool and state")
    out.add_argument("--run", type=Path, help="another folder for state and weights, to share a corpus")
    out.add_argument("--out", type=Path, help="where the chosen weights go (.safetensors)")
    out.add_argument("--tracks", type=Path, help="folder for tracked real clips; without it no choice")
    out.add_argument("--seed", type=int, default=1)
    out.add_argument("--minutes", type=float, default=120, help="of synthetic speech")
    out.add_argument("--sounds", type=int, default=1800, help="in the pool")
    out.add_argument("--frames", type=int, default=250, help="per training clip")
    out.add_argument("--steps", type=int, default=350)
    out.add_argument("--batch", type=int, default=10)
    out.add_argument("--rate", type=float, default=1.5e-3)
    out.add_argument("--width", type=int, default=160)
    out.add_argument("--layers", type=int, default=4)
    out.add_argument("--dropout", type=float, default=0.05)
    out.add_argument("--threads", type=int, default=1)
    out.add_argument("--every", type=int, default=50, help="steps between judgements")
    out.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=False)
    out.add_argument("--sync", type=float, default=0.0, help="weight of the sync expert's loss")
    out.add_argument("--phones", type=float, default=0.0, help="weight of naming what is being said")
    out.add_argument(
        "--only-phones", metavar="WEIGHTS", help="teach these weights to name phones, nothing else"
    )
    out.add_argument("--objective", choices=("flow", "regression"), default="flow")
    out.add_argument("--style", choices=("prompt", "vector"), default="prompt")
    return out


if __name__ == "__main__":
    train(parser().parse_args())
