"""What fine-tuning on the person is worth, by 5-fold cross-validation over each real clip.

Each fifth of a clip is drawn from its sound; the other four are the prompt, and what is learned from. What
`tune_person` would not keep is not used, as in `mimictalk adapt`.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch
from torch import Tensor

from bench.figures import Figure, figure
from bench.talk_real import NO_CLIPS, best_correlation, loudness, prompt_of, ridge
from talk_clips import TalkClip
from talk_motion import AudioFeatures, MotionModel, MotionPrompt, MotionSequence, generate
from talk_motion.person_tuning import TuningConfig, tune_person

FOLDS = 5


def without(clip: TalkClip, start: int, stop: int) -> MotionPrompt:
    """A clip without the frames from `start` to `stop`."""
    parts = [prompt_of(clip, a, b) for a, b in ((0, start), (stop, clip.frames)) if b > a]
    return MotionPrompt(
        AudioFeatures.join([part.audio for part in parts]),
        MotionSequence.join([part.motion for part in parts]),
    )


def cross_validated(
    model: MotionModel, clip: TalkClip, config: TuningConfig
) -> tuple[Tensor, Tensor, int, float]:
    """Openings (T,) drawn without and with fine-tuning, how often it was kept, CPU seconds of one learning."""
    plain, tuned, kept, spent = [], [], 0, []
    for fold in torch.arange(clip.frames).tensor_split(FOLDS):
        start, stop = int(fold[0]), int(fold[-1]) + 1
        rest, sound = without(clip, start, stop), clip.features.slice(start, stop)
        plain.append(generate(model, sound, rest).expression @ model.space.gap)
        began = time.process_time()
        found = tune_person(model, rest, config)
        spent.append(time.process_time() - began)
        if found is None or found.tuning is None:
            tuned.append(plain[-1])
            continue
        kept += 1
        person = found.tuning.applied(model)
        tuned.append(generate(person, sound, rest).expression @ model.space.gap)
    return torch.cat(plain), torch.cat(tuned), kept, float(np.mean(spent))


def person_figures(
    model: MotionModel, clips: list[TalkClip], config: TuningConfig | None = None
) -> list[Figure]:
    """Correlation of each clip with and without fine-tuning, beside the baselines; their mean; the time."""
    if not clips:
        return [figure("mean correlation with fine-tuning", None, "", goal=0.55, reason=NO_CLIPS)]
    out, means, before, seconds = [], [], [], []
    for clip in clips:
        plain, tuned, kept, spent = cross_validated(model, clip, config or TuningConfig())
        value, lag = best_correlation(tuned, clip.opening)
        without_it = best_correlation(plain, clip.opening)[0]
        base = max(best_correlation(part, clip.opening)[0] for part in (loudness(clip), ridge(clip)))
        means.append(value)
        before.append(without_it)
        seconds.append(spent)
        name = f"{clip.name}: correlation with fine-tuning (kept in {kept} of {FOLDS} folds), at lag {lag:+d}"
        out += [
            figure(name, round(value, 3), "", baseline=round(without_it, 3), goal=round(without_it, 3)),
            figure(f"{clip.name}: fine-tuned, beside the better baseline", round(value, 3), "",
                   baseline=round(base, 3), goal=round(base, 3)),
        ]  # fmt: skip
        said = f"{value:.3f} instead of {without_it:.3f}, baseline {base:.3f}, kept {kept}, {spent:.0f} s"
        print(f"{clip.name}: {said}", file=sys.stderr)
    mean, base = round(float(np.mean(means)), 3), round(float(np.mean(before)), 3)
    worst = round(float(np.max(seconds)), 1)
    return [
        *out,
        figure("mean correlation with fine-tuning", mean, "", baseline=base, goal=0.55),
        figure("longest mean time of one learning, CPU", worst, "s", goal=60.0, most=True),
    ]
