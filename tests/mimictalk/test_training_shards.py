"""Training shards: written whole, read in parts, refused when damaged; and the data set made of them."""

import numpy as np
import pytest
import torch

from ball_shards import ball_arrays, ball_folder
from face3dmm import FaceModel, render_pncc
from mimictalk.errors import InputError
from mimictalk.training_people import ShardPeople
from mimictalk.training_shards import read_coefficients, read_shard, shard_bytes, write_shard


def test_what_is_written_is_read(tmp_path) -> None:
    arrays = ball_arrays()
    write_shard(tmp_path / "a.safetensors", arrays, {"maker": "test"})
    back = read_shard(tmp_path / "a.safetensors", [3, 1])
    for name in ("head", "expression", "landmarks", "camera_to_world", "moment"):
        np.testing.assert_array_equal(back[name], arrays[name][[3, 1]])
    away = np.abs(back["frames"].astype(int) - arrays["frames"][[3, 1]])
    assert away.mean() < 1
    np.testing.assert_array_equal(back["confidence"], 1)
    assert back["facts"] == {"maker": "test", "consecutive": False, "size": 128}
    assert "frames" not in read_coefficients(tmp_path / "a.safetensors")


def test_the_same_arrays_give_the_same_bytes_in_every_process(tmp_path) -> None:
    """Rust's maps are ordered at random, anew for each file."""
    first = shard_bytes(ball_arrays(), {"maker": "test"})
    assert all(shard_bytes(ball_arrays(), {"maker": "test"}) == first for _ in range(8))
    (tmp_path / "a.safetensors").write_bytes(first)
    assert read_shard(tmp_path / "a.safetensors")["facts"]["maker"] == "test"


def test_incomplete_arrays_are_refused(tmp_path) -> None:
    arrays = ball_arrays()
    with pytest.raises(ValueError, match="a shard needs gaze"):
        write_shard(tmp_path / "a.safetensors", {n: a for n, a in arrays.items() if n != "gaze"}, {})
    with pytest.raises(ValueError, match="euler have another number of frames than 4"):
        write_shard(tmp_path / "a.safetensors", {**arrays, "euler": arrays["euler"][:2]}, {})
    assert not (tmp_path / "a.safetensors").exists()


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 100])
def test_other_files_are_refused(damage, tmp_path) -> None:
    (tmp_path / "a.safetensors").write_bytes(damage)
    for read in (read_shard, read_coefficients):
        with pytest.raises(InputError, match="is no training shard"):
            read(tmp_path / "a.safetensors")


def test_a_damaged_picture_is_refused(tmp_path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import save_file

    path = tmp_path / "a.safetensors"
    write_shard(path, ball_arrays(), {})
    with safe_open(str(path), "np") as file:
        tensors, about = {name: file.get_tensor(name).copy() for name in file.keys()}, file.metadata()  # noqa: SIM118
    tensors["frames"][:200] = 0
    save_file(tensors, path, about)
    with pytest.raises(InputError, match="a picture is damaged"):
        read_shard(path)
    save_file(tensors, path, {"format": "other"})
    with pytest.raises(InputError, match="format is 'other'"):
        read_shard(path)


def test_people_of_a_folder(tmp_path) -> None:
    people = ShardPeople([ball_folder(tmp_path / "a"), ball_folder(tmp_path / "b", 1)], 64)
    assert len(people) == 3
    facts = people.facts(0)
    assert facts.moment.tolist() == [0, 0, -1, -1] and bool(facts.usable.all())
    clip = people.load(2, [2, 0])
    arrays = ball_arrays()
    expression = torch.from_numpy(arrays["expression"][[2, 0]])
    wanted = render_pncc(
        FaceModel.open_face(), torch.from_numpy(arrays["identity"]), expression, 64, dtype=torch.uint8
    )
    assert torch.equal(clip.pncc, wanted)
    assert torch.equal(clip.canonical_pncc, clip.pncc[1])  # the second frame shows the face at rest
    np.testing.assert_allclose(clip.focus[0], np.array([[64, 76], [54, 54], [74, 54]]) / 128)
    assert people.key() != ShardPeople([tmp_path / "a"], 64).key()
    with pytest.raises(InputError, match="no training shard is here"):
        ShardPeople([tmp_path], 64)


def test_key_points_of_the_published_torso_move_with_the_jaw(tmp_path) -> None:
    folder = ball_folder(tmp_path / "a", 1)
    small, four, nine = (ShardPeople([folder], 64, count).load(0, [0, 3]).keypoints for count in (None, 4, 9))
    assert four.shape == (2, 4, 2) and nine.shape == (2, 9, 2)
    assert torch.equal(four, nine[:, [0, 3, 6, 7]])  # 0, 8, 16, 27 of 0, 3, 6, 8, 10, 13, 16, 27, 33
    assert torch.allclose(four[0], small[0])  # the face at rest
    assert torch.equal(small[0], small[1])
    assert float(four[1, 1, 1] - four[0, 1, 1]) > 0.005  # the jaw opens: the chin goes down


def test_neighbours_are_frames_of_a_sequence_or_a_straight_way(tmp_path) -> None:
    generator = torch.Generator().manual_seed(0)
    follow = ShardPeople([ball_folder(tmp_path / "a", 1, consecutive=True)], 64)
    assert follow.facts(0).consecutive
    three = follow.motion_triplet(0, 1, generator)
    assert torch.allclose(three * 127.5 + 127.5, follow.load(0, [0, 1, 2]).pncc.float(), atol=0.51)
    alone = ShardPeople([ball_folder(tmp_path / "b", 1)], 64)
    three = alone.motion_triplet(0, 1, generator)
    assert torch.allclose(three[1] * 127.5 + 127.5, alone.load(0, [1]).pncc[0].float(), atol=0.51)
    assert not torch.equal(three[0], three[1]) and not torch.equal(three[2], three[1])
