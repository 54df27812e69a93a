"""What the small model's loss counts, and its ablations."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from talk_motion.errors import InputError
from talk_motion.network import NetworkConfig, VelocityNetwork, manner
from talk_motion.training.infilling_batch import Batch
from talk_motion.training.infilling_stage import InfillingStage, infilling_losses
from talk_motion.training.processes import Processes
from talk_motion.training.shard_clips import ShardClips
from talk_motion.training.speech_shards import SpeechShards
from talk_training import expert, settings, shards, space


class Knows(torch.nn.Module):
    """Gives the true velocity of the straight path to one motion."""

    def __init__(self, motion: Tensor) -> None:
        super().__init__()
        self.motion = motion

    def encode_sound(self, audio: Tensor) -> Tensor:
        return audio

    def forward(self, x: Tensor, t: Tensor, sound: Tensor, known: Tensor, is_known: Tensor) -> Tensor:
        # x = (1 - t) noise + t data, so data - noise = (data - x) / (1 - t)
        return (self.motion - x) / (1 - t)[:, None, None]


def batch(folder: Path) -> Batch:
    return ShardClips(SpeechShards([shards(folder)], 24), space())(0, 0, 4)


@pytest.mark.parametrize("objective", ["flow", "regression"])
def test_the_true_velocity_has_no_loss(objective, tmp_path) -> None:
    given = batch(tmp_path)
    none = infilling_losses(Knows(given.motion), given, 0, Processes(), objective)["infilling"]
    assert none.item() < 1e-6
    assert infilling_losses(Knows(given.motion + 1), given, 0, Processes(), objective)["infilling"] > 0.99


def test_shares_of_a_batch_add_up_to_the_whole(tmp_path) -> None:
    given = batch(tmp_path)
    network = Knows(given.motion * 0.5)
    network.forward = lambda x, t, sound, known, is_known: torch.sin(3 * x)  # type: ignore[method-assign]
    whole = infilling_losses(network, given, 5, Processes())["infilling"]
    parts = [infilling_losses(network, given, 5, Processes(rank, 2))["infilling"] for rank in range(2)]
    torch.testing.assert_close(sum(parts) / 2, whole)


def test_the_sync_expert_judges_the_motion_the_network_has_in_mind(tmp_path) -> None:
    given, judge = batch(tmp_path), expert()
    sync = infilling_losses(Knows(given.motion), given, 0, Processes(), "flow", judge, space())["sync"]
    from talk_motion.sync import sync_loss

    truth = sync_loss(judge, given.audio, space().to_expression(given.motion))
    torch.testing.assert_close(sync, truth, rtol=0, atol=1e-3)


def test_sync_reaches_the_network_and_not_the_expert(tmp_path) -> None:
    told, judge = settings("a2m"), expert()
    clips = ShardClips(SpeechShards([shards(tmp_path)], 24), space())
    stage = InfillingStage(told, space(), clips, expert=judge)
    torch.nn.init.normal_(stage.network.leave.weight)  # it begins at zero, and so would every other gradient
    stage.terms(0, Processes())["sync"].backward()
    assert stage.network.enter.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in judge.network.parameters())
    with pytest.raises(ValueError, match=r"losses\.sync is 0\.3"):
        InfillingStage(told, space(), clips)


def test_a_style_vector_sees_manner_and_not_moments() -> None:
    torch.manual_seed(0)
    network = VelocityNetwork(NetworkConfig(motion=3, width=16, layers=1, heads=2, dropout=0, style="vector"))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, sound, t = torch.randn(1, 40, 3), torch.randn(1, 40, 16), torch.tensor([0.3])
    is_known = torch.arange(40)[None] < 25
    known = torch.randn(1, 40, 3)
    backwards = torch.cat([known[:, :25].flip(1), known[:, 25:]], dim=1)
    same, turned = network(x, t, sound, known, is_known), network(x, t, sound, backwards, is_known)
    torch.testing.assert_close(same, turned)
    assert not torch.allclose(same, network(x, t, sound, 2 * known, is_known))
    with pytest.raises(ValueError, match="got 'words'"):
        NetworkConfig(style="words")


def test_manner_is_mean_deviation_and_speed() -> None:
    known = torch.tensor([0.0, 2.0, 0.0, 2.0, 9.0])[None, :, None]
    flag = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0])[None, :, None]
    torch.testing.assert_close(manner(known, flag), torch.tensor([[1.0, 1.0, 2.0]]), rtol=0, atol=1e-5)
    torch.testing.assert_close(manner(known, 0 * flag)[0, [0, 2]], torch.zeros(2))


def with_phones(folder: Path, most: int = 2) -> Path:
    """Shards that say what is said: phone k where the pitch is in the k-th part of its range."""
    from safetensors.torch import load_file

    from talk_motion.training.speech_shards import write_speech_shard

    for path in sorted(shards(folder).glob("*.safetensors")):
        tensors = load_file(path)
        phones = torch.bucketize(tensors["pitch"], torch.linspace(0, 300, most + 2)[1:-1])
        phones[:5] = -1
        write_speech_shard(path, tensors | {"phones": phones}, {"exact": True})
    return folder


def test_phones_are_named_where_they_are_known(tmp_path) -> None:
    told = settings("a2m", model={"phones": 3}, losses={"phones": 0.5, "sync": 0.0})
    clips = ShardClips(SpeechShards([with_phones(tmp_path)], 24, phones=3), space())
    stage = InfillingStage(told, space(), clips)
    network = stage.network
    given = clips(told.seed, 0, told.optimisation.batch)
    assert given.phones is not None
    assert given.phones.shape == given.audio.shape[:2]
    assert given.phones.min() >= -1
    assert given.phones.max() <= 2
    terms = stage.terms(0, Processes())
    logits = network.name_phones(network.encode_sound(given.audio))
    assert logits.shape == (*given.phones.shape, 3)
    known = given.phones >= 0
    wanted = -logits.log_softmax(-1)[known, given.phones[known]].mean()  # the definition of cross-entropy
    torch.testing.assert_close(terms["phones"], wanted)
    torch.testing.assert_close(stage.total(terms, 0), terms["infilling"] + 0.5 * terms["phones"])
    terms["phones"].backward()
    assert network.sound.enter.weight.grad.abs().max() > 0


def test_phones_of_shares_add_up_to_the_whole(tmp_path) -> None:
    told = settings("a2m", model={"phones": 3, "dropout": 0.0}, losses={"phones": 0.5, "sync": 0.0})
    clips = ShardClips(SpeechShards([with_phones(tmp_path)], 24, phones=3), space())
    stage = InfillingStage(told, space(), clips)
    whole = stage.terms(0, Processes())["phones"]
    parts = [stage.terms(0, Processes(rank, 2))["phones"] for rank in range(2)]
    torch.testing.assert_close(sum(parts) / 2, whole)


def test_phones_that_nobody_knows_are_refused_in_words(tmp_path) -> None:
    with pytest.raises(InputError, match=r"does not say which phones"):
        SpeechShards([shards(tmp_path / "without")], 24, phones=3)
    with pytest.raises(InputError, match=r"holds phone 2, but model\.phones is 2"):
        SpeechShards([with_phones(tmp_path / "with")], 24, phones=2)
    clips = ShardClips(SpeechShards([tmp_path / "without"], 24), space())
    told = settings("a2m", losses={"sync": 0.0, "phones": 0.5})
    with pytest.raises(ValueError, match=r"losses\.phones is 0\.5, but the network names no phones"):
        InfillingStage(told, space(), clips)
    with pytest.raises(ValueError, match=r"NetworkConfig\.phones is 0"):
        VelocityNetwork(NetworkConfig(width=16, layers=1, heads=2)).name_phones(torch.zeros(1, 4, 16))
