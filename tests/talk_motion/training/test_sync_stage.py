"""Training the sync expert: the samples, and that it learns an offset."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from talk_motion.sync_contrast import contrastive_loss, judge, like_tracked, stranger_confidence
from talk_motion.sync_network import SyncConfig, SyncNetwork, cosines, standardise
from synthetic_speech.make import only

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


def test_clips_of_one_sound_are_refused() -> None:
    audio, motion = clips(0, 0, 4)
    with pytest.raises(ValueError, match="no two clips with different speech"):
        stranger_confidence(SyncNetwork(NETWORK), audio[:1].expand(4, -1, -1), motion)
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
