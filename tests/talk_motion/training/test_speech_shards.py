"""Shards of speech: what is written is read, stretches are drawn evenly, what is wrong is named."""

import numpy as np
import pytest
import torch

from talk_motion.errors import InputError
from talk_motion.training.shard_clips import ShardClips, full_batch
from talk_motion.training.speech_shards import SpeechShards, write_speech_shard
from talk_training import CONTENT, face, said, shards, space


def counted(frames: int, start: int = 0) -> dict[str, torch.Tensor]:
    """A clip whose sound and motion hold the numbers of their frames."""
    frame = torch.arange(frames) + float(start)
    return {
        "audio": frame.repeat_interleave(2)[:, None].expand(-1, 67),
        "expression": frame[:, None].expand(-1, 64),
    }


def test_sound_and_motion_of_a_stretch_belong_together(tmp_path) -> None:
    write_speech_shard(tmp_path / "a.safetensors", counted(30), {})
    write_speech_shard(tmp_path / "b.safetensors", counted(70, 100), {"exact": True})
    data = SpeechShards([tmp_path], 20)
    random, starts = np.random.default_rng(0), []
    for _ in range(400):
        drawn, exact = data.draw(random, ("audio", "expression"))
        frames = drawn["expression"][:, 0]
        assert torch.equal(drawn["audio"][::2, 0], frames) and torch.equal(drawn["audio"][1::2, 3], frames)
        assert torch.equal(frames.diff(), torch.ones(19))
        assert exact == (frames[0] >= 100)
        starts.append(int(frames[0]))
    assert set(starts) <= {*range(11), *range(100, 151)}
    # 11 of 62 stretches lie in the shorter clip; 400 draws, four deviations.
    share = sum(start < 50 for start in starts) / 400
    assert abs(share - 11 / 62) < 4 * (11 / 62 * 51 / 62 / 400) ** 0.5


def test_takes_are_all_used(tmp_path) -> None:
    tensors = counted(20)
    tensors["expression"] = torch.stack([torch.full((20, 64), float(k)) for k in range(3)])
    write_speech_shard(tmp_path / "a.safetensors", tensors, {})
    random, data = np.random.default_rng(0), SpeechShards([tmp_path], 20)
    takes = {float(data.draw(random, ["expression"])[0]["expression"][0, 0]) for _ in range(30)}
    assert takes == {0.0, 1.0, 2.0}


def test_a_batch_follows_from_seed_and_step(tmp_path) -> None:
    clips = ShardClips(SpeechShards([shards(tmp_path)], 24), space())
    first, again, other = (clips(1, step, 3) for step in (7, 7, 8))
    for name in ("audio", "motion", "seen", "hidden"):
        assert torch.equal(getattr(first, name), getattr(again, name))
    assert not torch.equal(first.motion, other.motion)
    assert first.audio.shape == (3, 48, 67) and first.motion.shape == (3, 24, 6)


def test_only_exact_motion_gets_faults_of_tracking(tmp_path) -> None:
    write_speech_shard(tmp_path / "tracked" / "a.safetensors", said(0, 40), {"exact": False})
    write_speech_shard(tmp_path / "made" / "a.safetensors", said(0, 40), {"exact": True})
    tracked, made = (
        ShardClips(SpeechShards([tmp_path / name], 24), space())(0, 0, 4) for name in ("tracked", "made")
    )
    assert torch.equal(tracked.seen, tracked.motion)
    assert not torch.equal(made.seen, made.motion)
    assert torch.equal(made.motion, tracked.motion)
    known = torch.where(made.hidden.all(1, keepdim=True), True, ~made.hidden)
    for motion, part in zip(made.motion, known, strict=True):
        assert torch.allclose(motion[part].mean(0), torch.zeros(6), atol=1e-5)


def test_the_published_sizes_are_told_blinks_and_mouth_opening(tmp_path) -> None:
    tensors = said(0, 24)
    tensors["expression"] = torch.zeros(24, 64)
    tensors["expression"][5:8, [0, 7]] = 0.9
    tensors["expression"][:, 17] = torch.linspace(0, 1, 24)
    write_speech_shard(tmp_path / "a.safetensors", tensors, {})
    batch = full_batch(SpeechShards([tmp_path], 24, content=True), face().gap, 0, 0, 2)
    assert batch.blink[0].nonzero().flatten().tolist() == list(range(10, 16))
    # 0.9 quantile of the jaw times 0.18 face heights, in tenths of one
    assert batch.mouth_opening.tolist() == pytest.approx([1.62, 1.62])
    assert batch.content.shape == (2, 48, CONTENT)


def test_what_is_wrong_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match="no shard of speech is here"):
        SpeechShards([tmp_path], 20)
    write_speech_shard(tmp_path / "a.safetensors", counted(10), {})
    with pytest.raises(InputError, match="none of 1 shards has 20 frames"):
        SpeechShards([tmp_path], 20)
    write_speech_shard(tmp_path / "b.safetensors", counted(30), {})
    assert (len(SpeechShards([tmp_path], 20)), SpeechShards([tmp_path], 20).too_short) == (1, 1)
    with pytest.raises(InputError, match="--hubert"):
        SpeechShards([tmp_path], 20, content=True)
    (tmp_path / "c.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="c.safetensors"):
        SpeechShards([tmp_path], 20)
    with pytest.raises(ValueError, match="audio has 9 motion frames, the expression 10"):
        write_speech_shard(tmp_path / "d.safetensors", counted(10) | {"audio": torch.zeros(18, 67)}, {})
    with pytest.raises(ValueError, match="content with pitch"):
        write_speech_shard(tmp_path / "d.safetensors", counted(10) | {"content": torch.zeros(20, 4)}, {})
