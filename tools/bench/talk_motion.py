"""Judges talk-motion on real clips it has not seen, beside two baselines measured in the same run.

    .venv/bin/python tools/bench/talk_motion.py --tracks /tmp/tracks

Prompt: the first fifth of a clip. Judged: mouth opening over the other four fifths, drawn from their sound
    alone, against the opening tracked on the picture. Baselines: the loudness of the sound, and a ridge
    regression from log-mel fitted on the same person with the same frames left out in turn (5 folds). Real
    clips are never trained on; the weights were chosen among training steps by their scores on these clips,
    so the bench also reports the score at the step that the other clips would have chosen, where the
    training history is given (--history).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from talk_clips import TalkClip, correlation, load_clips
from talk_motion import MotionModel, MotionPrompt, MotionSequence, extract_features, generate

LAGS = range(-2, 3)


def prompt_of(clip: TalkClip) -> MotionPrompt:
    """The first fifth of a clip as a prompt."""
    stop = clip.frames // 5
    parts = (clip.expression, clip.euler, clip.translation, clip.gaze)
    return MotionPrompt(
        clip.features.slice(0, stop), MotionSequence.from_tracking(*(part[:stop] for part in parts))
    )


def ridge(clip: TalkClip, strength: float = 1e3, reach: int = 3, folds: int = 5) -> Tensor:
    """Opening predicted from log-mel of the frames around, fitted on the other folds of the same person."""
    content = clip.features.content.reshape(clip.frames, -1)
    padded = torch.cat([content[:1].expand(reach, -1), content, content[-1:].expand(reach, -1)])
    inputs = torch.cat([padded[i : i + clip.frames] for i in range(2 * reach + 1)], dim=1).double()
    wanted, out = clip.opening.double(), torch.zeros(clip.frames, dtype=torch.double)
    for fold in torch.arange(clip.frames).tensor_split(folds):
        # Frames next to the fold are left out too: their windows overlap it.
        train = torch.ones(clip.frames, dtype=torch.bool)
        train[max(0, int(fold[0]) - reach) : int(fold[-1]) + reach + 1] = False
        mean, base = inputs[train].mean(0), wanted[train].mean()
        x = inputs[train] - mean
        dual = torch.linalg.solve(
            x @ x.T + strength * torch.eye(len(x), dtype=torch.double), wanted[train] - base
        )
        out[fold] = (inputs[fold] - mean) @ (x.T @ dual) + base
    return out.float()


def figures(model: MotionModel, clips: list[TalkClip]) -> list[Figure]:
    out: list[Figure] = []

    def add(
        name: str, value: float, unit: str, baseline: float | None, goal: float | None, most: bool = False
    ) -> None:
        out.append(figure(name, value, unit, baseline=baseline, goal=goal, most=most))

    best_of, at_zero, silent, speeds = [], [], [], []
    for clip in clips:
        start = clip.frames // 5
        prompt = prompt_of(clip)
        sound = clip.features.slice(start, clip.frames)
        began = time.process_time()
        gap = generate(model, sound, prompt).expression @ model.space.gap
        speeds.append(sound.frames / 25 / (time.process_time() - began))
        truth = clip.opening[start:]
        by_lag = {lag: correlation(gap, truth, lag) for lag in LAGS}
        lag = max(by_lag, key=lambda k: by_lag[k])
        loud = clip.features.energy.unflatten(0, (-1, 2)).mean(dim=1)[start:]
        energy, fitted = correlation(loud, truth), correlation(ridge(clip)[start:], truth)
        at_zero.append(by_lag[0])
        best_of.append(by_lag[lag])
        add(f"{clip.name}: correlation at lag 0", round(by_lag[0], 3), "", None, 0.2)
        add(
            f"{clip.name}: best correlation within +-2 frames (at {lag:+d})",
            round(by_lag[lag], 3),
            "",
            round(max(energy, fitted), 3),
            0.2,
        )
        add(f"{clip.name}: loudness alone, lag 0", round(energy, 3), "", None, None)
        add(f"{clip.name}: ridge fitted on the person, lag 0", round(fitted, 3), "", None, None)
        low, high = gap.quantile(0.02), gap.quantile(0.98)
        quiet = (
            generate(model, extract_features(np.zeros(5 * 16000, np.float32)), prompt).expression
            @ model.space.gap
        )
        hiss = np.random.default_rng(0).normal(0, 0.003, 10 * 16000).astype(np.float32)
        room = generate(model, extract_features(hiss), prompt).expression @ model.space.gap
        for kind, moved in (("5 s of digital silence", quiet), ("10 s of room noise", room)):
            part = float((moved.max() - low).clamp(min=0) / (high - low))
            silent.append(part)
            add(
                f"{clip.name}: aperture in {kind}",
                round(100 * part, 1),
                "% of speaking range",
                None,
                10.0,
                most=True,
            )
        add(
            f"{clip.name}: swing of the opening over the true one",
            round(float(gap.std() / truth.std()), 2),
            "",
            None,
            None,
        )
        print(
            f"{clip.name}: {by_lag[0]:.3f} (best {by_lag[lag]:.3f} at {lag:+d}), loudness {energy:.3f}, "
            f"ridge {fitted:.3f}, {speeds[-1]:.0f} x real time",
            file=sys.stderr,
        )
    if clips:
        mean, best = float(np.mean(at_zero)), float(np.mean(best_of))
        add("mean correlation at lag 0", round(mean, 3), "", None, 0.33)
        add("mean best correlation within +-2 frames", round(best, 3), "", None, 0.33)
        speed = float(np.median(speeds))
        add(
            f"speed, {torch.get_num_threads()} thread(s), CPU time",
            round(speed, 1),
            "x real time",
            None,
            50.0,
        )
    else:
        missing = "no real clips: set MIMICTALK_MEDIA"
        out.append(figure("mean correlation at lag 0", None, "", goal=0.33, reason=missing))
    return out


def left_out(history: list[dict[str, float]], names: list[str]) -> dict[str, float]:
    """Score of each clip at the training step that the other clips would have chosen."""
    scores = {}
    for name in names:
        step = max(history, key=lambda row: sum(row[other] for other in names if other != name))
        scores[name] = step[name]
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="small")
    parser.add_argument("--tracks", type=Path, required=True, help="folder that keeps tracked clips")
    parser.add_argument("--history", type=Path, help="history.json of the training run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clips = load_clips(args.tracks)
    found = figures(MotionModel.from_pretrained(args.weights), clips)
    if args.history and clips:
        scores = left_out(json.loads(args.history.read_text()), [clip.name for clip in clips])
        mean = float(np.mean(list(scores.values())))
        name = "mean correlation at the step that the other clips choose"
        found.append(figure(name, round(mean, 3), "", goal=0.33))
    report("talk_motion", 0, found, args.keep)


if __name__ == "__main__":
    main()
