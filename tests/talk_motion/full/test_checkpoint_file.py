"""Checkpoints are read without running anything; files that are none are named."""

import numpy as np
import pytest
import torch

from published_lists import trainer_file
from talk_motion.errors import InputError
from talk_motion.full.checkpoint_file import find_checkpoint, read_checkpoint

MODEL = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}


def test_a_trainer_file_is_read(tmp_path):
    path = trainer_file(tmp_path / "m.ckpt", MODEL, checkpoint_callback_best=np.float64(0.25))
    checkpoint = read_checkpoint(path)
    assert set(checkpoint.tensors) == set(MODEL)
    assert torch.equal(checkpoint.tensors["a.weight"], MODEL["a.weight"])
    assert (checkpoint.step, checkpoint.set_aside) == (1234, {"disc": 1})


@pytest.mark.parametrize("prefix", ["model.", "model._orig_mod.", "module."])
def test_a_flat_file_is_read(tmp_path, prefix):
    path = tmp_path / "model_ckpt_steps_77.ckpt"
    torch.save({f"{prefix}{name}": value for name, value in MODEL.items()}, path)
    checkpoint = read_checkpoint(path)
    assert set(checkpoint.tensors) == set(MODEL)
    assert checkpoint.step == 77


def test_the_highest_step_of_a_folder_is_taken(tmp_path):
    for step in (900, 1200, 80):
        torch.save(MODEL, tmp_path / f"model_ckpt_steps_{step}.ckpt")
    assert find_checkpoint(tmp_path).name == "model_ckpt_steps_1200.ckpt"
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no checkpoint"):
        find_checkpoint(tmp_path / "empty")
    with pytest.raises(InputError, match="no such file"):
        find_checkpoint(tmp_path / "nowhere")


class Runs:
    """What a hostile pickle may do."""

    def __reduce__(self):
        return (print, ("this must not run",))


def test_code_in_a_pickle_is_refused(tmp_path, capsys):
    path = tmp_path / "hostile.ckpt"
    torch.save({"state_dict": {"model": MODEL}, "extra": Runs()}, path)
    with pytest.raises(InputError, match="could run code"):
        read_checkpoint(path)
    assert "must not run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.ckpt", b"", "empty"),
        ("a.ckpt", b"<!DOCTYPE html><title>Sign in", "web page"),
        ("a.ckpt", b"version https://git-lfs.github.com/spec/v1", "LFS"),
        ("a.safetensors", b"12345678{}", "safetensors"),
        ("a.ckpt", b"\x80\x02garbage", "cut short or damaged"),
    ],
)
def test_other_files_are_named(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_checkpoint(path)


def test_a_cut_file_is_named(tmp_path):
    path = tmp_path / "a.ckpt"
    torch.save(MODEL, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="cut short or damaged"):
        read_checkpoint(path)
