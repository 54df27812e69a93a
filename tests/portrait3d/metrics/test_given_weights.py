"""Weights of users: read whole or refused with words."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from portrait3d.errors import InputError
from portrait3d.metrics.given_weights import fill, read_given


def layers() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def state() -> dict[str, torch.Tensor]:
    return {name: torch.full_like(value, 2) for name, value in layers().state_dict().items()}


def test_two_files_are_one_state_in_single_precision(tmp_path):
    save_file({"a": torch.ones(2, dtype=torch.float16)}, tmp_path / "a.safetensors")
    save_file({"b": torch.ones(2, dtype=torch.int64)}, tmp_path / "b.safetensors")
    read = read_given([tmp_path / "a.safetensors", tmp_path / "b.safetensors"])
    assert {name: value.dtype for name, value in read.items()} == {"a": torch.float32, "b": torch.int64}


def test_a_published_state_dictionary_is_read(tmp_path):
    torch.serialization.save(state(), tmp_path / "a.pth")
    network = layers()
    fill(network, read_given([tmp_path / "a.pth"]), "a.pth")
    assert all(bool((value == 2).all()) for value in network.state_dict().values())
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_pickled_object_is_refused(tmp_path):
    torch.serialization.save(layers(), tmp_path / "a.pth")
    with pytest.raises(InputError, match="could run code"):
        read_given([tmp_path / "a.pth"])


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_given([tmp_path / "none.safetensors"])
    save_file({"a": torch.ones(64)}, tmp_path / "a.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:100])
    with pytest.raises(InputError, match="no whole safetensors file"):
        read_given([tmp_path / "cut.safetensors"])
    with pytest.raises(InputError, match="a is in another file, too"):
        read_given([tmp_path / "a.safetensors", tmp_path / "a.safetensors"])


def test_the_counter_of_batch_norm_may_be_missing():
    given = state()
    del given["1.num_batches_tracked"]
    fill(layers(), given, "file")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("0.bias"), "1 of 6 tensors are missing: 0.bias"),
        (lambda s: s.update(extra=torch.ones(1)), "1 tensors are not of this network: extra"),
        (lambda s: s.update({"0.bias": torch.ones(5)}), r"0.bias has shape \(5,\) instead of \(4,\)"),
        (lambda s: s["0.bias"].fill_(float("nan")), "0.bias holds numbers that are not finite"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, said):
    given = state()
    change(given)
    with pytest.raises(InputError, match=said):
        fill(layers(), given, "file")
