"""The sync expert: what it compares, the loss, the offset it finds, and what it refuses."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from talk_motion.errors import InputError
from talk_motion.features import AudioFeatures, extract_features
from talk_motion.space import MotionSpace
from talk_motion.sync import SyncExpert, near_voice, sync_loss
from talk_motion.sync_measure import measure_sync
from talk_motion.sync_network import REACH, SyncConfig, SyncNetwork, cosines, standardise

MEDIA = Path(
    os.environ.get("MIMICTALK_MEDIA", Path(__file__).resolve().parents[2].parent / "shared" / "media")
)
FRAMES = 120


class Echo(nn.Module):
    """Encoders under which a mouth goes with its sound where the opening equals the energy."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.config = SyncConfig(motion=channels)

    def encode_sound(self, audio: Tensor) -> Tensor:
        return self._circle(audio[..., 65].unflatten(1, (-1, 2)).mean(-1))

    def encode_motion(self, motion: Tensor) -> Tensor:
        return self._circle(motion[..., 0])

    def _circle(self, x: Tensor) -> Tensor:
        x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
        return torch.stack([x.cos(), x.sin()], dim=-1)


@pytest.fixture
def echo(space: MotionSpace) -> SyncExpert:
    card = {"stranger_confidence": 0.1, "stranger_frames": 50}
    return SyncExpert(Echo(space.channels), space, card)  # type: ignore[arg-type]


@pytest.fixture
def random_expert(space: MotionSpace) -> SyncExpert:
    torch.manual_seed(0)
    return SyncExpert(SyncNetwork(SyncConfig(motion=space.channels, width=16, embedding=8)), space)


def babble(voiced: bool = True) -> tuple[AudioFeatures, Tensor]:
    """Sound of irregular loudness, and a mouth that opens with it."""
    loud = torch.randn(FRAMES, generator=torch.Generator().manual_seed(1))
    energy = (loud * 10).repeat_interleave(2)
    zero = torch.zeros(2 * FRAMES)
    return AudioFeatures(torch.zeros(2 * FRAMES, 64), zero, energy, zero + float(voiced)), loud * 0.01 + 0.03


def test_cosines_pair_each_motion_with_the_sound_that_comes_later() -> None:
    generator = torch.Generator().manual_seed(0)
    sound = torch.nn.functional.normalize(torch.randn(2, 30, 5, generator=generator), dim=-1)
    rows = cosines(sound, sound.roll(-3, dims=1), 4)  # the motion at t is the sound at t + 3
    assert rows.shape == (2, 9, 30)
    torch.testing.assert_close(rows[:, 4 + 3, :27], torch.ones(2, 27))
    assert rows[:, 4 + 3, 27:].isnan().all()
    assert rows[:, 4, :27].abs().max() < 0.999


def test_amplitude_and_rest_position_do_not_count(random_expert: SyncExpert) -> None:
    motion = torch.randn(1, 60, 6, generator=torch.Generator().manual_seed(0)) * 3
    torch.testing.assert_close(standardise(2 * motion + 5), standardise(motion), rtol=2e-3, atol=2e-3)
    still = standardise(torch.full((1, 60, 6), 0.7))
    assert still.abs().max() < 1e-5


def test_a_vector_sees_at_most_its_reach(random_expert: SyncExpert) -> None:
    network = random_expert.network
    for encode, size, per_frame in ((network.encode_motion, 6, 1), (network.encode_sound, 67, 2)):
        x = torch.randn(1, 60 * per_frame, size, generator=torch.Generator().manual_seed(0))
        moved = x.clone()
        moved[:, 30 * per_frame : 31 * per_frame] += 1
        changed = (encode(moved) - encode(x)).abs().amax(dim=(0, 2)) > 0
        at = changed.nonzero()[:, 0]
        assert changed[30]
        assert at.min() >= 30 - REACH
        assert at.max() <= 30 + REACH


@pytest.mark.parametrize("shift", [-15, -4, 0, 1, 15])
def test_the_offset_is_the_mouths_delay(echo: SyncExpert, shift: int) -> None:
    features, opening = babble()
    got = measure_sync(features, opening.roll(shift), expert=echo)
    assert got.offset_frames == shift
    assert got.distance == pytest.approx(0, abs=0.02)
    assert got.confidence == pytest.approx(float(got.curve.median()), abs=0.02)
    assert got.agreement == 1
    assert got.trusted


def test_expressions_and_openings_are_the_same_mouth(echo: SyncExpert, space: MotionSpace) -> None:
    features, opening = babble()
    jaw = torch.zeros(FRAMES, 64)
    jaw[:, 17] = opening / 0.18  # the space of these tests opens 0.18 face heights per jawOpen
    a, b = (measure_sync(features, motion, expert=echo).curve for motion in (opening, jaw))
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_frames_without_a_face_do_not_count(echo: SyncExpert) -> None:
    features, opening = babble()
    seen = torch.ones(FRAMES, dtype=torch.bool)
    seen[40:60] = False
    lost = opening.clone()
    lost[~seen] = float("nan")
    assert measure_sync(features, lost, seen=seen, expert=echo).offset_frames == 0
    with pytest.raises(InputError, match="not finite"):
        measure_sync(features, lost, expert=echo)


def test_without_a_voice_there_is_no_offset(echo: SyncExpert) -> None:
    features, opening = babble(voiced=False)
    got = measure_sync(features, opening, expert=echo)
    assert (got.offset_frames, got.confidence, got.distance, got.trusted) == (None, 0.0, None, False)


def test_lengths_must_belong_together(echo: SyncExpert) -> None:
    features, opening = babble()
    with pytest.raises(InputError, match="119 of motion"):
        measure_sync(features, opening[:-1], expert=echo)
    with pytest.raises(InputError, match="fewer than"):
        measure_sync(features.slice(0, 40), opening[:40], expert=echo)
    with pytest.raises(InputError, match="shape"):
        measure_sync(features, opening[:, None], expert=echo)
    with pytest.raises(ValueError, match="feature frames"):
        echo.score(features.stack()[None], opening[None, :-1])


def test_the_loss_is_zero_for_the_right_mouth_and_pulls_a_wrong_one(echo: SyncExpert) -> None:
    features, opening = babble()
    audio = features.stack()[None]
    right = sync_loss(echo, audio, opening[None])
    assert right < 0.01
    wrong = opening.roll(5)[None].clone().requires_grad_()
    loss = sync_loss(echo, audio, wrong)
    assert loss > 0.5
    loss.backward()
    assert wrong.grad is not None
    better = wrong.detach() - 1e-3 * wrong.grad / wrong.grad.norm()
    assert sync_loss(echo, audio, better) < loss


def test_speech_is_what_lies_near_a_voice() -> None:
    audio = torch.zeros(1, 200, 67)
    audio[0, 100, 66] = 1
    assert near_voice(audio)[0].nonzero()[:, 0].tolist() == list(range(37, 64))


def test_weights_come_back_and_damage_is_seen(random_expert: SyncExpert, tmp_path: Path) -> None:
    file = tmp_path / "sync.safetensors"
    random_expert.save(file, stranger_confidence=0.1)
    back = SyncExpert.from_pretrained(file)
    assert back.card["stranger_confidence"] == 0.1
    for name, value in random_expert.network.state_dict().items():
        torch.testing.assert_close(back.network.state_dict()[name], value.half().float(), rtol=0, atol=0)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(InputError, match="sha256"):
        SyncExpert.from_pretrained(file)
    with pytest.raises(InputError, match="no such weights"):
        SyncExpert.from_pretrained(tmp_path / "none.safetensors")


def test_the_shipped_expert_is_small_and_doubts_strangers(speech: Callable[..., np.ndarray]) -> None:
    expert = SyncExpert.from_pretrained()
    assert sum(p.numel() for p in expert.network.parameters()) < 1_000_000
    random = torch.randn(200, generator=torch.Generator().manual_seed(0)) * 0.02 + 0.03
    got = measure_sync(extract_features(speech(8.0), frames=200), random)
    assert not got.trusted
    quiet = measure_sync(extract_features(np.zeros(8 * 16000, np.float32), frames=200), random)
    assert quiet.offset_frames is None


@pytest.mark.parametrize("name", ["ref_m_german_20s", "ref_f_crop512_24s"])
def test_it_finds_the_offset_of_a_real_clip(name: str) -> None:
    face3dmm = pytest.importorskip("face3dmm")
    if not (MEDIA / f"{name}.mp4").is_file():
        pytest.skip(f"no media in {MEDIA}: set MIMICTALK_MEDIA")
    from talk_motion.audio import load_audio

    track = face3dmm.track_video(MEDIA / f"{name}.mp4", max_seconds=8)
    samples, frames = load_audio(MEDIA / f"{name}.mp4"), len(track)
    for late in (0, 6):
        sound = np.concatenate([np.zeros(late * 640, np.float32), samples])
        got = measure_sync(extract_features(sound, frames=frames), track.coeffs.expression)
        assert got.offset_frames is not None
        assert abs(got.offset_frames + late) <= 1
        assert got.trusted
