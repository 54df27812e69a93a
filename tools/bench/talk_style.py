"""Synthetic test set of unseen voices and styles: exact mouths, closures, and styles copied in context.

Twenty speakers say something as a prompt and are then to say something else. Style statistics of what is
drawn (amplitude, smile, asymmetry, blink rate) are compared with those of all twenty prompts, each measured
in deviations over the prompts; style strength is to move them one way. The correlation's baseline is that of a
mouth drawn from the true phones in the true style, but without its chances (swings and breaths that no sound tells
of): nobody who hears the sound can be expected to come nearer.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.figures import Figure, figure
from face3dmm import ARKIT_NAMES
from synthetic_speech.clips import Sound, draw_sound
from synthetic_speech.corpus import SAMPLE_RATE, Corpus
from synthetic_speech.face import Face, talking_face
from synthetic_speech.face_model import open_face_gap
from synthetic_speech.make import only
from synthetic_speech.phones import PHONES
from synthetic_speech.style import TalkingStyle, random_style
from talk_clips import correlation
from talk_motion import MotionModel, MotionPrompt, MotionSequence, extract_features, generate
from talk_motion.habits import find_blinks

SPEAKERS = 20
STRENGTHS = (0.5, 1.0, 1.5, 2.0)
SHUT = 0.2  # of the widest opening: lips that come nearer have closed
PAIRS = [(ARKIT_NAMES.index(f"mouth{n}Left"), ARKIT_NAMES.index(f"mouth{n}Right"))
         for n in ("Smile", "Stretch", "LowerDown")]  # fmt: skip
CLOSURES = tuple(symbol for symbol, lips in PHONES.items() if lips.shut >= 1)


@dataclass(frozen=True)
class Speaker:
    """A style, a prompt in it, something else to say, the mouth that said it, and what of it sound and style tell."""

    style: TalkingStyle
    prompt: MotionPrompt
    sound: Sound
    truth: Tensor
    told: Tensor


def speakers(corpus: Corpus, count: int, seconds: float, seed: int) -> list[Speaker]:
    """Speakers of voices that nobody was trained on.

    Args:
        corpus: of all voices.
        count: how many speakers.
        seconds: of each prompt and of what is to be said.
        seed: of everything.
    """
    unseen, gap, frames, found = only(corpus, True), open_face_gap(), round(25 * seconds), []
    if not unseen.voices:
        raise SystemExit("the corpus has no held-out voice: make a larger one (synthetic_speech.make)")
    for number in range(count):
        random = np.random.default_rng([seed, number])
        style = random_style(random)
        sounds = [draw_sound(unseen, frames, random, clean=True) for _ in range(2)]
        faces = [talking_face(s.phones, s.samples, SAMPLE_RATE, style, gap, random) for s in sounds]
        features = extract_features(sounds[0].samples, frames=frames)
        usual = replace(style, jitter=0.0, wander=0.0, breath_chance=0.0)
        faces.append(talking_face(sounds[1].phones, sounds[1].samples, SAMPLE_RATE, usual, gap, random))
        truth, told = (torch.from_numpy(face.expression @ gap.row).float() for face in faces[1:])
        found.append(Speaker(style, MotionPrompt(features, motion_of(faces[0])), sounds[1], truth, told))
    return found


def motion_of(face: Face) -> MotionSequence:
    """A synthetic face as if it had been tracked."""
    parts = (face.expression, face.euler, face.translation, face.gaze)
    return MotionSequence.from_tracking(*(torch.from_numpy(part).float() for part in parts))


def style_statistics(motion: MotionSequence, gap: Tensor) -> Tensor:
    """Amplitude of the opening in face heights, smile, asymmetry, blinks per minute: (4,)."""
    opening, shapes = motion.expression @ gap, motion.expression
    left, right = (sum(shapes[:, pair[side]].mean() for pair in PAIRS) for side in (0, 1))
    return torch.stack(
        [
            opening.quantile(0.95) - opening.quantile(0.05),
            shapes[:, list(PAIRS[0])].mean(),
            torch.as_tensor((left - right) / (left + right).clamp(min=0.02)),
            torch.tensor(len(find_blinks(motion.blink)) / (motion.frames / 25 / 60)),
        ]
    )


def closed_share(opening: Tensor, sound: Sound) -> tuple[int, int]:
    """How many p, b, m of a sound reach closed lips within a frame of their time, and how many there are."""
    low, high = opening.quantile(0.01), opening.quantile(0.95)
    shut = all_of = 0
    for symbol, start, end in sound.phones:
        first, last = int(start * 25) - 1, int(np.ceil(end * 25)) + 1
        if symbol in CLOSURES and first >= 0 and last <= len(opening):
            all_of += 1
            shut += bool(opening[first:last].min() - low <= SHUT * (high - low))
    return shut, all_of


def style_figures(
    model: MotionModel, folder: Path, count: int, seconds: float, seed: int, **speaking: Any
) -> list[Figure]:
    """All figures of the synthetic test set.

    Args:
        model: who is judged.
        folder: of the corpus (`synthetic_speech.make` keeps one).
        count, seconds, seed: see `speakers`.
        speaking: more for `generate`.
    """
    people = speakers(Corpus(folder), count, seconds, seed)
    gap = model.space.gap
    prompts = torch.stack([style_statistics(person.prompt.motion, gap) for person in people])
    unit = prompts.std(dim=0).clamp(min=1e-6)
    right, monotone, alike, shut, sounds = 0, 0, [], 0, 0
    for number, person in enumerate(people):
        features = extract_features(person.sound.samples, frames=len(person.truth))
        drawn = {
            s: generate(model, features, person.prompt, style_strength=s, seed=number, **speaking)
            for s in STRENGTHS
        }
        found = {s: style_statistics(motion, gap) for s, motion in drawn.items()}
        right += int(((prompts - found[1.0]) / unit).norm(dim=1).argmin()) == number
        away = (prompts[number] - prompts.mean(dim=0))[:3] / unit[:3]  # blinks do not depend on strength
        along = [float(found[s][:3] / unit[:3] @ away) for s in STRENGTHS]
        monotone += all(b > a for a, b in pairwise(along))
        opening = drawn[1.0].expression @ gap
        alike.append(correlation(opening, person.truth))
        closed, there = closed_share(opening, person.sound)
        shut, sounds = shut + closed, sounds + there
        print(f"speaker {number}: correlation {alike[-1]:.3f}, closed {closed}/{there}", file=sys.stderr)
    mean = round(float(np.mean(alike)), 3)
    most = round(float(np.mean([correlation(person.told, person.truth) for person in people])), 3)
    share = round(100 * right / count, 1)
    out = [
        figure("synthetic, unseen voices: correlation of the opening", mean, "", baseline=most, goal=0.9),
        figure(f"style nearer to its prompt than to {count - 1} others", share, "% of trials", goal=95.0),
        figure(f"style strength moves style one way, of {count}", monotone, "speakers", goal=0.95 * count),
    ]
    name = f"p, b, m closed to {SHUT:.0%} of the opening"
    if sounds:
        return [*out, figure(name, round(100 * shut / sounds, 1), "%", goal=95.0)]
    return [*out, figure(name, None, "%", goal=95.0, reason="no p, b or m was said")]
