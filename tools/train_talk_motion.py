"""Trains talk-motion's small model on synthetic speech with known mouths.

    .venv/bin/python tools/train_talk_motion.py --work /tmp/talk_motion --tracks /tmp/tracks

Needs Debian's espeak-ng, flite and festival with voices (see tools/synthetic_speech). Everything follows
from the seed; a batch is a function of (seed, step); `--work` keeps the corpus, the pool of sounds and the
training state, so that a stopped run goes on exactly where it was. Weights are chosen by early stopping on
real clips where there are some (they are never trained on), because the score on synthetic speech goes on
rising after the real one peaks.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from synthetic_speech.corpus import Corpus, make_corpus
from synthetic_speech.face_model import CHIN, FOREHEAD, open_face_gap
from synthetic_speech.mouth import LipGap
from synthetic_speech.pool import Batch, Pool
from talk_clips import TalkClip, correlation, load_clips
from talk_motion.flow import path
from talk_motion.model import MotionModel
from talk_motion.network import NetworkConfig, VelocityNetwork
from talk_motion.run_state import restore, store
from talk_motion.space import MotionSpace

CHANNELS = 9  # beyond these, real trackers see noise: their spread is several times that of true mouths
WARM_UP = 30
AVERAGE = 0.985  # of the running mean of the weights that is judged and kept


def build_space(pool: Pool, seed: int, kept: Path) -> tuple[MotionSpace, LipGap]:
    """Motion channels from the open face model and mouths of many styles; kept, to resume on the same."""
    from face3dmm import ARKIT_NAMES, FaceModel

    if kept.is_file():
        space = MotionSpace(**load_file(kept))
        return space, LipGap(space.gap.double().numpy(), ARKIT_NAMES)
    model, gap = FaceModel.open_face(), open_face_gap()
    basis, mean = model.expression_basis[model.landmarks_468], model.mean[model.landmarks_468]
    mouth = torch.zeros(64, dtype=torch.bool)
    for i, name in enumerate(ARKIT_NAMES):
        mouth[i] = name.startswith(("jaw", "mouth", "cheekPuff"))
    moved = basis[..., mouth].norm(dim=(1, 2))
    region = basis[moved > 0.1 * moved.max()] / (mean[FOREHEAD] - mean[CHIN]).norm()
    samples = np.concatenate(
        [pool.motion(i % len(pool), gap, np.random.default_rng([seed, 1, i])) for i in range(150)]
    )
    row = torch.from_numpy(gap.row).float()
    space = MotionSpace.build(region.flatten(0, 1), row, mouth, torch.from_numpy(samples).float(), CHANNELS)
    save_file({field.name: getattr(space, field.name).contiguous() for field in fields(space)}, kept)
    return space, gap


def loss_of(network: VelocityNetwork, batch: Batch, seed: int, step: int) -> Tensor:
    """Velocity error on hidden frames; the lip gap counts most, small shapes least."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    size, _, channels = batch.motion.shape
    t = torch.rand(size, generator=generator)
    t = torch.where(
        torch.rand(size, generator=generator) < 0.25, torch.zeros(()), t
    )  # the first step sets the mean
    noise = torch.randn(batch.motion.shape, generator=generator)
    spread = torch.rand(size, 1, 1, generator=generator)  # sampling starts from less than unit noise
    noise = noise * spread
    point, velocity = path(noise, batch.motion, t)
    sound = network.encode_sound(batch.audio)
    got = network(point, t, sound, batch.seen, ~batch.hidden)
    weight = 1 / (1 + torch.arange(channels) / 2)
    weight[0] = 2.0
    error = ((got - velocity) ** 2 * weight).mean(-1) * batch.hidden
    return error.sum() / batch.hidden.sum() / weight.mean()


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


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    work: Path = args.work
    if not (work / "corpus" / "index.json").is_file():
        make_corpus(work / "corpus", args.minutes, args.seed)
    corpus = Corpus(work / "corpus")
    if not (work / "pool" / "pool.json").is_file():
        Pool.build(corpus, work / "pool", args.sounds, args.frames, args.seed)
    pool = Pool(work / "pool")
    torch.manual_seed(args.seed)
    space, gap = build_space(pool, args.seed, work / "space.safetensors")
    config = NetworkConfig(motion=CHANNELS, width=args.width, layers=args.layers, dropout=args.dropout)
    network, kept = VelocityNetwork(config), VelocityNetwork(config)
    kept.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.05, betas=(0.9, 0.98))
    networks = {"network": network, "kept": kept}
    about = (restore(work, networks, optimiser) if args.resume else None) or {
        "step": 0,
        "best": None,
        "history": [],
    }
    first, best, history = about["step"], about["best"], about["history"]
    clips = load_clips(args.tracks) if args.tracks else []
    parameters = sum(p.numel() for p in network.parameters())
    print(
        f"{parameters / 1e6:.2f} M parameters, {corpus.seconds / 60:.0f} min, {len(pool)} sounds", flush=True
    )
    began = time.monotonic()
    for step in range(first, args.steps):
        rate = args.rate * min(1, (step + 1) / WARM_UP) * 0.5 * (1 + np.cos(np.pi * step / args.steps))
        optimiser.param_groups[0]["lr"] = rate
        network.train()
        torch.manual_seed(args.seed * 7_919 + step)  # dropout too is a function of (seed, step)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            loss = loss_of(network, pool.batch(args.seed, step, args.batch, space, gap), args.seed, step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            for mean, new in zip(kept.parameters(), network.parameters(), strict=True):
                mean.lerp_(new, 1 - min(AVERAGE, (step + 1) / (step + 10)))
        if (step + 1) % args.every == 0 or step + 1 == args.steps:
            scores = judge(MotionModel(kept, space), clips)
            mean_score = float(np.mean(list(scores.values()))) if scores else -loss.item()
            spent = time.monotonic() - began
            left = spent / (step + 1 - first) * (args.steps - step - 1)
            history.append(
                {"step": step + 1, "loss": round(loss.item(), 4), "mean": round(mean_score, 4)} | scores
            )
            shown = " ".join(f"{name[4:9]} {value:.3f}" for name, value in scores.items())
            print(
                f"step {step + 1}/{args.steps} loss {loss.item():.3f} mean {mean_score:.3f} {shown} "
                f"{spent:.0f} s, {left:.0f} s left",
                flush=True,
            )
            if best is None or mean_score > best["mean"]:
                best = history[-1]
                card = {"seed": args.seed, "chosen_step": step + 1, "parameters": parameters}
                card |= {"settings": settings(args, corpus, pool), "scores": best}
                MotionModel(kept, space).save(work / "best.safetensors", **card)
            store(work, networks, optimiser, {"step": step + 1, "best": best, "history": history})
    (work / "history.json").write_text(json.dumps(history, indent=1))
    if args.out:
        for suffix in (".safetensors", ".json"):
            args.out.with_suffix(suffix).write_bytes(
                (work / "best.safetensors").with_suffix(suffix).read_bytes()
            )


def settings(args: argparse.Namespace, corpus: Corpus, pool: Pool) -> dict[str, object]:
    names = ("seed", "steps", "batch", "rate", "width", "layers", "dropout", "bf16")
    made = {"minutes": round(corpus.seconds / 60), "sounds": len(pool), "frames": pool.frames}
    return {name: getattr(args, name) for name in names} | made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for corpus, pool and state")
    parser.add_argument("--out", type=Path, help="where the chosen weights go (.safetensors)")
    parser.add_argument(
        "--tracks", type=Path, help="folder for tracked real clips; without it the loss decides"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=120, help="of synthetic speech")
    parser.add_argument("--sounds", type=int, default=1800, help="in the pool")
    parser.add_argument("--frames", type=int, default=250, help="per training clip")
    parser.add_argument("--steps", type=int, default=350)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--width", type=int, default=160)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.05)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=50, help="steps between judgements")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--resume", action="store_true")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
