"""Training the sync expert: the samples, exact resumption, and that it learns an offset."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import talk_motion.sync_training as training
from talk_motion.space import MotionSpace
from talk_motion.sync_contrast import contrastive_loss, judge, like_tracked, stranger_confidence
from talk_motion.sync_network import SyncConfig, SyncNetwork, cosines, standardise
from talk_motion.sync_training import SyncTrainingConfig, train_sync

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from train_sync import only

NETWORK = SyncConfig(motion=6, width=16, embedding=8, dropout=0.1)


def clips(seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
    """Noise for sound, voiced throughout; the mouth follows two of its bands."""
    generator = torch.Generator().manual_seed(1000 * seed + step)
    slow = torch.nn.functional.avg_pool1d(torch.randn(size, 67, 204, generator=generator), 5, 1).transpose(
        1, 2
    )
    audio = 2 * slow
    audio[..., 66] = 1
    pairs = audio.unflatten(1, (-1, 2)).mean(dim=2)
    return audio, torch.cat([pairs[..., :2], 0.1 * torch.randn(size, 100, 4, generator=generator)], dim=-1)


def test_settings_refuse_bad_values() -> None:
    with pytest.raises(ValueError, match="got 1"):
        SyncTrainingConfig(batch=1)
    with pytest.raises(ValueError, match="got 0"):
        SyncTrainingConfig(steps=0)
    with pytest.raises(ValueError, match=r"got -1\.0"):
        SyncTrainingConfig(rate=-1.0)
    with pytest.raises(ValueError, match="got 0"):
        SyncConfig(width=0)


def test_no_voice_is_both_trained_on_and_judged_on() -> None:
    voices = {"flite:rms": [0], "flite:slt": [1], "espeak:de+m3": [2], "espeak:de+m1": [3]}
    corpus = SimpleNamespace(voices=voices)
    held, rest = (set(only(corpus, part).voices) for part in (True, False))  # type: ignore[arg-type]
    assert held == {"flite:rms", "espeak:de+m3"}
    assert rest == {"flite:slt", "espeak:de+m1"}


def test_an_untrained_network_knows_as_much_as_chance() -> None:
    class Blind(SyncNetwork):
        def encode_motion(self, motion: Tensor) -> Tensor:
            return torch.nn.functional.normalize(torch.ones(*motion.shape[:2], 8), dim=-1)

        def encode_sound(self, audio: Tensor) -> Tensor:
            return torch.nn.functional.normalize(torch.ones(len(audio), audio.shape[1] // 2, 8), dim=-1)

    audio, motion = clips(0, 0, 4)
    loss = contrastive_loss(Blind(NETWORK), audio, motion)
    candidates = 1 + 28 + 3  # the right one, shifts of 2 to 15 to either side, the three other clips
    torch.testing.assert_close(loss, 2 * torch.tensor(float(candidates)).log())


def test_tracked_motion_is_standardised_and_follows_its_seed() -> None:
    motion = clips(0, 0, 8)[1]
    a, b, c = (like_tracked(motion, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert not torch.equal(a, c)
    torch.testing.assert_close(a, standardise(a), rtol=0, atol=5e-3)
    alone = (a[..., 1:] == 0).all(dim=(1, 2)) | (c[..., 1:] == 0).all(dim=(1, 2))
    assert alone.any()
    assert not alone.all()


def test_a_stopped_run_goes_on_exactly(
    tmp_path: Path, space: MotionSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SyncTrainingConfig(seed=3, steps=4, batch=3, every=2, held=4)
    given = (config, NETWORK, space, clips, clips)
    train_sync(*given, tmp_path / "whole", report=lambda line: None)

    class StoppedError(Exception):
        pass

    def stop_after_the_first(*arguments: object) -> None:
        store(*arguments)  # type: ignore[arg-type]
        raise StoppedError

    store = training.store
    with monkeypatch.context() as patch:
        patch.setattr(training, "store", stop_after_the_first)
        with pytest.raises(StoppedError):
            train_sync(*given, tmp_path / "parts", report=lambda line: None)
    lines: list[str] = []
    train_sync(*given, tmp_path / "parts", resume=True, report=lines.append)
    assert [line.split()[1] for line in lines] == ["4"]
    for file in ("state", "best"):
        whole, parts = (load_file(tmp_path / run / f"{file}.safetensors") for run in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        for name, value in whole.items():
            torch.testing.assert_close(parts[name], value, rtol=0, atol=0, msg=name)


def test_it_learns_which_sound_a_mouth_goes_with() -> None:
    torch.manual_seed(0)
    network = SyncNetwork(SyncConfig(motion=6, width=32, embedding=16, dropout=0.0))
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    audio, motion = clips(1, 999, 12)
    motion = standardise(motion)
    before = judge(network, audio, motion)
    for step in range(45):
        heard, seen = clips(1, step, 8)
        loss = contrastive_loss(network, heard, standardise(seen))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    after = judge(network, audio, motion)
    assert after["loss"] < 0.6 * before["loss"]
    assert after["found_2s"] > 0.95
    with torch.no_grad():
        rows = cosines(network.encode_sound(audio), network.encode_motion(motion), 15)[:, :, 22:-22]
    curve = (2 - 2 * rows).sqrt().mean(dim=2)
    own = curve.median(dim=1).values - curve[:, 15]
    assert stranger_confidence(network, audio, motion, share=0.95) < own.median()
