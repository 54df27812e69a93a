"""The tool that trains the embedded weights: batches, choice of weights, and that it learns."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from synthetic_speech.corpus import Corpus
from synthetic_speech.pool import Pool
from talk_clips import TalkClip
from talk_motion import MotionModel, extract_features
from train_talk_motion import build_space, judge, parser, train

SYLLABLES = ("m", "a", "p", "u", "s", "i", "f", "o")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of three buzzing sentences, written as `make_corpus` writes it, and a pool of four sounds."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "corpus").mkdir()
    items, parts, at = [], [], 0
    for number in range(3):
        time = np.arange(32000) / 16000
        sound = (
            np.sign(np.sin(2 * np.pi * (110 + 30 * number) * time)) * (1.1 - np.cos(2 * np.pi * 4 * time)) / 4
        )
        phones = [(SYLLABLES[(k + number) % 8], k / 8, (k + 1) / 8) for k in range(16)]
        items.append({"start": at, "count": 32000, "phones": phones, "voice": f"buzz:{number}"})
        parts.append((sound * 20000).astype(np.int16))
        at += 32000
    np.concatenate(parts).tofile(folder / "corpus" / "sound.i16")
    (folder / "corpus" / "index.json").write_text(json.dumps({"utterances": items}))
    Pool.build(Corpus(folder / "corpus"), folder / "pool", count=4, frames=50, seed=0)
    return folder


def settings(work: Path, **changes: object) -> argparse.Namespace:
    given = {"work": work, "minutes": 1, "sounds": 4, "frames": 50, "steps": 4, "batch": 2, "rate": 1e-3,
             "width": 16, "layers": 1, "seed": 3, "every": 2}  # fmt: skip
    chosen = parser().parse_args(["--work", str(work)])
    return argparse.Namespace(**(vars(chosen) | given | changes))


def test_a_batch_follows_from_seed_and_step(work: Path) -> None:
    pool = Pool(work / "pool")
    space, gap = build_space(pool, 0, work / "space_of_test.safetensors")
    first, again, other = (pool.batch(1, step, 3, space, gap) for step in (7, 7, 8))
    for name in ("audio", "motion", "seen", "hidden"):
        torch.testing.assert_close(getattr(first, name), getattr(again, name), rtol=0, atol=0)
    assert not torch.equal(first.motion, other.motion)
    assert first.audio.shape == (3, 100, 67)
    assert first.motion.shape == (3, 50, space.channels)


def test_motion_is_relative_to_what_is_known(work: Path) -> None:
    pool = Pool(work / "pool")
    space, gap = build_space(pool, 0, work / "space_of_test.safetensors")
    batch = pool.batch(1, 0, 6, space, gap)
    for motion, hidden in zip(batch.motion, batch.hidden, strict=True):
        known = motion if hidden.all() else motion[~hidden]
        torch.testing.assert_close(known.mean(dim=0), torch.zeros(space.channels), rtol=0, atol=1e-4)


def test_weights_are_chosen_on_real_clips_and_the_run_goes_on(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    time = torch.arange(100) / 25
    expression = torch.zeros(100, 64)
    expression[:, 17] = 0.2 - 0.2 * torch.cos(25 * time)
    features = extract_features(np.random.default_rng(0).normal(0, 0.1, 64000).astype(np.float32), frames=100)
    turn = torch.zeros(100, 3)
    clip = TalkClip("made", features, expression, turn, turn, turn[:, :2], expression[:, 17])
    args = settings(work, run=tmp_path, out=tmp_path / "out" / "small.safetensors")
    args.out.parent.mkdir()
    best = train(args, [clip])
    model = MotionModel.from_pretrained(args.out)
    assert model.card["step"] == best["step"] and judge(model, [clip])["made"] == pytest.approx(
        best["made"],
        abs=0.02,  # weights are stored in half precision
    )
    assert [row["step"] for row in json.loads((tmp_path / "history.json").read_text())] == [2, 4]
    capsys.readouterr()
    assert train(args, [clip]) == best
    assert "step" not in capsys.readouterr().out


@pytest.mark.slow
def test_it_learns_what_it_has_seen(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(settings(work, run=tmp_path, steps=600, every=10, batch=4, width=32, rate=3e-3, dropout=0.0))
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    # A step's loss depends on the flow times it draws: ten of them together do not.
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])
    capsys.readouterr()
