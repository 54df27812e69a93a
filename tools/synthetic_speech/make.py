"""Synthetic speech with known faces as shards, for `mimictalk train a2m|a2m-vae|sync --data`.

    .venv/bin/python -m synthetic_speech.make OUT --minutes 120      (from the folder tools)

Needs Debian's espeak-ng, flite and festival with voices. OUT/corpus keeps the spoken sentences, OUT/train and
OUT/held get the shards; no voice is in both. Each shard is one sound with several faces that say it, each in
a style of its own. Same seed and synthesisers, same shards; what is there is not made again.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import numpy as np
import torch

from synthetic_speech.clips import draw_sound
from synthetic_speech.corpus import SAMPLE_RATE, Corpus, make_corpus
from synthetic_speech.face import talking_face
from synthetic_speech.face_model import open_face_gap
from synthetic_speech.mouth import LipGap
from synthetic_speech.pool import numbered
from synthetic_speech.style import random_style
from talk_motion.features import extract_features
from talk_motion.full.hubert import Hubert
from talk_motion.training.speech_shards import write_speech_shard

HELD_VOICES = ("flite:rms", "festival:lp_diphone", "festival:czech_dita")
HELD_VARIANTS = ("+m3", "+f4", "+Alicia")  # of espeak-ng, in every language
HELD_SEED = 1_000_000  # added to the seed, for sounds of the held-out voices


def is_held(voice: str) -> bool:
    """Whether a voice is kept for judging."""
    return voice in HELD_VOICES or (voice.startswith("espeak:") and voice.endswith(HELD_VARIANTS))


def only(corpus: Corpus, held: bool) -> Corpus:
    """The corpus with the voices for judging, or with the others."""
    part = copy.copy(corpus)
    part.voices = {name: items for name, items in corpus.voices.items() if is_held(name) == held}
    return part


def write_shard(
    path: Path, corpus: Corpus, gap: LipGap, frames: int, takes: int, seed: list[int], hubert: Hubert | None
) -> None:
    """One sound and the faces that say it."""
    random = np.random.default_rng(seed)
    sound = draw_sound(corpus, frames, random)
    faces = [
        talking_face(sound.phones, sound.samples, SAMPLE_RATE, random_style(random), gap, random)
        for _ in range(takes)
    ]
    tensors = {
        "audio": extract_features(sound.samples, frames=frames).stack(),
        "expression": torch.from_numpy(np.stack([face.expression for face in faces])),
        "phones": torch.from_numpy(numbered(sound.phones, frames)),
    }
    if hubert is not None:
        speech = hubert.features(sound.samples, frames)
        tensors |= {"content": speech.content, "pitch": speech.pitch}
    write_speech_shard(path, tensors, {"exact": True, "voices": sorted(set(sound.voices))})


def make(args: argparse.Namespace) -> None:
    """Makes what is missing."""
    folder = args.out / "corpus"
    if not (folder / "index.json").is_file():
        make_corpus(folder, args.minutes, args.seed)
    corpus, gap = Corpus(folder), open_face_gap()
    hubert = Hubert.load(args.hubert) if args.hubert else None
    for name, count, seed in (("train", args.sounds, args.seed), ("held", args.held, HELD_SEED + args.seed)):
        voices = only(corpus, name == "held")
        for number in range(count if voices.voices else 0):
            path = args.out / name / f"{number:05d}.safetensors"
            if not path.is_file():
                write_shard(path, voices, gap, args.frames, args.takes, [seed, number], hubert)
            if number % 200 == 199:
                print(f"{name}: {number + 1} of {count} sounds", flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("out", type=Path)
    out.add_argument("--seed", type=int, default=1)
    out.add_argument("--minutes", type=float, default=120, help="of sentences to draw from")
    out.add_argument("--sounds", type=int, default=1800, help="shards to train on")
    out.add_argument("--held", type=int, default=60, help="shards of held-out voices")
    out.add_argument("--frames", type=int, default=250, help="per shard")
    out.add_argument("--takes", type=int, default=4, help="faces per sound")
    out.add_argument("--hubert", help="folder or hub name of HuBERT, for the published sizes")
    return out


if __name__ == "__main__":
    make(parser().parse_args())
