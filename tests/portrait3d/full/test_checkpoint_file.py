"""Checkpoints are read without running anything, and files that are none are named."""

import os
import zipfile

import numpy as np
import pytest
import torch

from portrait3d.errors import InputError
from portrait3d.full.checkpoint_file import find_checkpoint, read_checkpoint
from published_lists import trainer_file

MODEL = {"decoder.net.0.weight": torch.arange(6.0).reshape(2, 3), "decoder.net.0.bias": torch.ones(2)}


def test_a_trainer_file_is_read(tmp_path):
    path = trainer_file(tmp_path / "model_ckpt_steps_100000.ckpt", MODEL)
    checkpoint = read_checkpoint(path)
    assert set(checkpoint.tensors) == set(MODEL)
    torch.testing.assert_close(checkpoint.tensors["decoder.net.0.weight"], MODEL["decoder.net.0.weight"])
    assert checkpoint.step == 1234
    assert checkpoint.set_aside == {"disc": 1}
    assert checkpoint.planes is None


def test_numpy_numbers_in_it_are_read(tmp_path):
    path = trainer_file(tmp_path / "a.ckpt", MODEL, checkpoint_callback_best=np.float64(0.25))
    assert set(read_checkpoint(path).tensors) == set(MODEL)
    blob = path.read_bytes()
    assert b"numpy._core.multiarray" in blob
    path.write_bytes(blob.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))  # as NumPy 1 wrote it
    assert set(read_checkpoint(path).tensors) == set(MODEL)


def test_a_person_file_is_read(tmp_path):
    planes = torch.nn.Parameter(torch.randn(1, 3, 2, 4, 4))
    path = tmp_path / "model_ckpt_steps_10000.ckpt"
    content = {
        "state_dict": {"model": MODEL, "learnable_triplane": planes},
        "lora_args": {"lora_mode": "secc2plane_sr", "lora_r": 2},
        "person_ds": {"gt_img": torch.zeros(1, 3, 4, 4), "video_id": "German_20s"},
        "optimizer_states": [],
    }
    torch.save(content, path, _use_new_zipfile_serialization=False)
    checkpoint = read_checkpoint(path)
    assert not checkpoint.planes.requires_grad
    assert torch.equal(checkpoint.planes, planes)
    assert checkpoint.lora["lora_r"] == 2
    assert checkpoint.person["video_id"] == "German_20s"
    assert checkpoint.step == 10000


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "state",
    [
        {f"model._orig_mod.{name}": value for name, value in MODEL.items()} | {"disc.w": torch.zeros(1)},
        {f"model.{name}": value for name, value in MODEL.items()} | {"disc.w": torch.zeros(1)},
        {
            "model": {f"_orig_mod.{name}": value for name, value in MODEL.items()},
            "disc": {"w": torch.zeros(1)},
        },
        {"model": {f"module.{name}": value for name, value in MODEL.items()}, "disc": {"w": torch.zeros(1)}},
    ],
)
def test_flat_and_nested_states_with_prefixes(tmp_path, state, zipped):
    path = tmp_path / "a.ckpt"
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(path)
    assert set(checkpoint.tensors) == set(MODEL)
    assert checkpoint.set_aside == {"disc": 1}


def test_a_bare_state_is_read(tmp_path):
    torch.save(MODEL, tmp_path / "a.pt")
    checkpoint = read_checkpoint(tmp_path / "a.pt")
    assert set(checkpoint.tensors) == set(MODEL)
    assert (checkpoint.step, checkpoint.set_aside) == (None, {})


def test_planes_left_in_the_model_are_the_persons(tmp_path):
    planes = torch.ones(1, 3, 2, 4, 4)
    checkpoint = read_checkpoint(trainer_file(tmp_path / "a.ckpt", {**MODEL, "_last_cano_planes": planes}))
    assert torch.equal(checkpoint.planes, planes)
    assert set(checkpoint.tensors) == set(MODEL)


def test_the_highest_step_of_a_folder_is_taken(tmp_path):
    for step in (900, 10000, 2000):
        trainer_file(tmp_path / f"model_ckpt_steps_{step}.ckpt", MODEL)
    assert find_checkpoint(tmp_path).name == "model_ckpt_steps_10000.ckpt"


@pytest.mark.parametrize(("files", "words"), [((), "no checkpoint"), (("a.pt", "b.ckpt"), "2 checkpoints")])
def test_a_folder_without_a_choice_is_refused(tmp_path, files, words):
    for name in files:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=words):
        find_checkpoint(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        find_checkpoint(tmp_path / "nowhere")


class Harmful:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_objects_are_refused_and_never_run(tmp_path, zipped):
    target, path = tmp_path / "made by a pickle", tmp_path / "a.ckpt"
    torch.save({"state_dict": MODEL, "x": Harmful(target)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        InputError, match=r"pickled object \((posix|nt)\.mkdir\), which could run code: refused"
    ):
        read_checkpoint(path)
    assert not target.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_file_that_is_cut_short_is_refused(tmp_path, zipped, share):
    path = tmp_path / "a.ckpt"
    big = {"w": torch.arange(20000.0)}
    torch.save({"state_dict": {"model": big}}, path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="cut short or damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize("seed", range(5))
def test_bytes_without_sense_are_refused(tmp_path, seed):
    path = tmp_path / "a.ckpt"
    path.write_bytes(np.random.default_rng(seed).bytes(400))
    with pytest.raises(InputError, match="cut short or damaged"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
        (b"\x1f\x8b\x08\x00aaaaaaa", "compressed archive"),
        ((40).to_bytes(8, "little") + b'{"a":1}' + b" " * 40, "safetensors"),
    ],
)
def test_other_files_are_named(tmp_path, content, words):
    path = tmp_path / "model_ckpt_steps_1.ckpt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_checkpoint(path)


def test_a_zip_archive_is_named(tmp_path):
    path = tmp_path / "weights.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("os_secc2plane_torso/model_ckpt_steps_100000.ckpt", b"x")
    with pytest.raises(InputError, match="zip archive"):
        read_checkpoint(path)


def test_a_lone_tensor_is_refused(tmp_path):
    torch.save(torch.ones(3), tmp_path / "a.pt")
    with pytest.raises(InputError, match="it holds a Tensor, not named tensors"):
        read_checkpoint(tmp_path / "a.pt")
