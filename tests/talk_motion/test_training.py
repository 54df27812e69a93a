"""Training: batches follow from (seed, step), a stopped run goes on exactly, and it learns."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from synthetic_speech.corpus import Corpus
from synthetic_speech.pool import Pool
from train_talk_motion import build_space, train

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
    given = {
        "work": work,
        "out": None,
        "tracks": None,
        "seed": 3,
        "minutes": 1,
        "sounds": 4,
        "frames": 50,
        "steps": 4,
        "batch": 2,
        "rate": 1e-3,
        "width": 16,
        "layers": 1,
        "dropout": 0.1,
        "threads": 1,
        "every": 2,
        "bf16": False,
        "resume": False,
    }
    return argparse.Namespace(**(given | changes))


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


def test_a_stopped_run_goes_on_exactly(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(settings(work))
    whole = load_file(work / "state.safetensors")
    (work / "state.safetensors").unlink()

    class StoppedError(Exception):
        pass

    def stop_after_first_store(*given: object) -> None:
        store(*given)
        raise StoppedError

    import train_talk_motion

    store = train_talk_motion.store
    train_talk_motion.store = stop_after_first_store
    try:
        with pytest.raises(StoppedError):
            train(settings(work))
    finally:
        train_talk_motion.store = store
    train(settings(work, resume=True))
    resumed = load_file(work / "state.safetensors")
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0, msg=name)
    assert "s left" in capsys.readouterr().out


@pytest.mark.slow
def test_it_learns_what_it_has_seen(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(settings(work, steps=150, every=10, batch=4, width=32, rate=3e-3, dropout=0.0))
    losses = [row["loss"] for row in json.loads((work / "history.json").read_text())]
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:2])
    capsys.readouterr()
