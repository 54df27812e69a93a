"""Mouth opening from sound on real clips, beside two baselines measured in the same run.

Prompt: the first fifth of a clip. Judged: the other four fifths, drawn from their sound alone, against the
opening tracked on the picture. Baselines: the loudness of the sound (energy to jaw), and a ridge regression
from log-mel fitted on the same person with the same frames left out in turn (5 folds).
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from torch import Tensor

from bench.figures import Figure, figure
from talk_clips import TalkClip, correlation
from talk_motion import MotionModel, MotionPrompt, MotionSequence, extract_features, generate

LAGS = (-1, 0, 1)
NO_CLIPS = "no real clips: set MIMICTALK_MEDIA"


def prompt_of(clip: TalkClip, start: int = 0, stop: int | None = None) -> MotionPrompt:
    """Frames of a clip as a prompt; the first fifth by default."""
    stop = clip.frames // 5 if stop is None else stop
    parts = (clip.expression, clip.euler, clip.translation, clip.gaze)
    motion = MotionSequence.from_tracking(*(part[start:stop] for part in parts))
    return MotionPrompt(clip.features.slice(start, stop), motion)


def best_correlation(found: Tensor, truth: Tensor) -> tuple[float, int]:
    """Largest correlation within a frame to either side, and its lag."""
    by_lag = {lag: correlation(found, truth, lag) for lag in LAGS}
    lag = max(by_lag, key=lambda k: by_lag[k])
    return by_lag[lag], lag


def loudness(clip: TalkClip) -> Tensor:
    """Energy of the sound per frame (T,): the jaw of the simplest model."""
    return clip.features.energy.unflatten(0, (-1, 2)).mean(dim=1)


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


def silent_apertures(model: MotionModel, prompt: MotionPrompt, gap: Tensor) -> dict[str, float]:
    """Widest opening over 10 s without speech, in shares of the speaking range of `gap` (T,)."""
    # Fitted lips that press on each other overlap: below 0 they are as closed as at 0.
    low, high = gap.quantile(0.02).clamp(min=0), gap.quantile(0.98)
    hiss = np.random.default_rng(0).normal(0, 0.003, 10 * 16000).astype(np.float32)
    found = {}
    for kind, sound in (("digital silence", np.zeros_like(hiss)), ("room noise", hiss)):
        moved = generate(model, extract_features(sound), prompt).expression @ model.space.gap
        found[kind] = float((moved.max() - low).clamp(min=0) / (high - low))
    return found


def real_figures(model: MotionModel, clips: list[TalkClip]) -> list[Figure]:
    """Correlations of each clip and their mean, apertures in silence, speed."""
    if not clips:
        return [figure("mean correlation", None, "", goal=0.45, reason=NO_CLIPS)]
    out, best, speeds = [], [], []
    for clip in clips:
        start, prompt = clip.frames // 5, prompt_of(clip)
        sound, truth = clip.features.slice(start, clip.frames), clip.opening[start:]
        began = time.process_time()
        gap = generate(model, sound, prompt).expression @ model.space.gap
        speeds.append(sound.frames / 25 / (time.process_time() - began))
        value, lag = best_correlation(gap, truth)
        energy = best_correlation(loudness(clip)[start:], truth)[0]
        fitted = best_correlation(ridge(clip)[start:], truth)[0]
        best.append(value)
        name = f"{clip.name}: correlation of the opening, at lag {lag:+d}"
        out += [
            figure(name, round(value, 3), "", baseline=round(energy, 3), goal=round(energy, 3)),
            figure(f"{name}, beside a ridge fitted on the person", round(value, 3), "",
                   baseline=round(fitted, 3), goal=round(fitted, 3)),
            figure(f"{clip.name}: swing of the opening over the true one",
                   round(float(gap.std() / truth.std()), 2), ""),
        ]  # fmt: skip
        for kind, part in silent_apertures(model, prompt, gap).items():
            name = f"{clip.name}: aperture in 10 s of {kind}"
            out.append(figure(name, round(100 * part, 1), "% of speaking range", goal=5.0, most=True))
        said = f"{value:.3f} at {lag:+d}, loudness {energy:.3f}, ridge {fitted:.3f}"
        print(f"{clip.name}: {said}, {speeds[-1]:.0f} x real time", file=sys.stderr)
    speed = round(float(np.median(speeds)), 1)
    threads = f"speed, {torch.get_num_threads()} thread(s), CPU time"
    return [
        *out,
        figure("mean correlation", round(float(np.mean(best)), 3), "", goal=0.45),
        figure(threads, speed, "x real time", goal=50.0),
    ]


def left_out(history: list[dict[str, float]], names: list[str]) -> dict[str, float]:
    """Score of each clip at the training step that the other clips would have chosen."""
    scores = {}
    for name in names:
        step = max(history, key=lambda row: sum(row[other] for other in names if other != name))
        scores[name] = step[name]
    return scores
