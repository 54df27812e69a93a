"""Folders of imported weights: whole or not there, and read only as they were written."""

import json
import os
import subprocess
import sys

import pytest
import torch

from portrait3d.errors import InputError
from portrait3d.full.importing import Imported
from portrait3d.full.storage import load_portrait, read_card, read_weights, write_weights
from portrait3d.seal import sealed_json
from tiny_full import TINY, draw, random_portrait


@pytest.fixture(scope="module")
def portrait():
    return random_portrait(TINY)


@pytest.fixture
def person():
    return {"planes": torch.randn(1, 3, 4, 3, 32, 32)}


def test_what_is_written_is_read(tmp_path, portrait, person):
    folder = tmp_path / "sub" / "weights"
    card = Imported(TINY, portrait.state_dict(), person, {"kind": "a test"}).save(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "full.json",
        "full.safetensors",
        "person.safetensors",
    ]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["weights"]
    assert read_card(folder) == json.loads(json.dumps(card))
    config, state, found = read_weights(folder)
    assert config == TINY
    for name, value in portrait.state_dict().items():
        assert torch.equal(state[name], value.float()), name
    assert torch.equal(found["planes"], person["planes"])


def test_the_portrait_of_a_folder_draws_the_same_frame(tmp_path, portrait):
    write_weights(tmp_path / "w", TINY, portrait.state_dict(), {}, {})
    expected = draw(portrait)
    for folded in (False, True):
        model, person = load_portrait(tmp_path / "w", folded=folded)
        assert person == {}
        assert not model.training
        assert not any(
            value.is_meta or value.requires_grad for value in [*model.parameters(), *model.buffers()]
        )
        torch.testing.assert_close(draw(model), expected, atol=1e-5, rtol=1e-5)


def test_half_precision_halves_the_file(tmp_path, portrait):
    sizes = []
    for half in (False, True):
        card = write_weights(tmp_path / str(half), TINY, portrait.state_dict(), {}, {}, half=half)
        sizes.append(card["files"]["full.safetensors"]["bytes"])
    assert card["precision"] == "float16"
    values = sum(value.numel() for value in portrait.state_dict().values() if value.is_floating_point())
    assert sizes[0] - sizes[1] == pytest.approx(2 * values, abs=10_000)
    _, state, _ = read_weights(tmp_path / "True")
    name = "motion_adapter.out.weight"
    assert torch.equal(state[name], portrait.state_dict()[name].half().float())


def test_a_value_too_large_for_half_precision_is_refused_and_leaves_nothing(tmp_path, portrait):
    state = portrait.state_dict() | {"decoder.out.bias": torch.full((5,), 1e6)}
    with pytest.raises(InputError, match=r"decoder\.out\.bias: a value is too large for float16"):
        write_weights(tmp_path / "w", TINY, state, {}, {}, half=True)
    assert list(tmp_path.iterdir()) == []


def test_only_weights_are_replaced(tmp_path, portrait, person):
    folder = tmp_path / "w"
    write_weights(folder, TINY, portrait.state_dict(), person, {})
    write_weights(folder, TINY, portrait.state_dict(), {}, {})
    assert sorted(path.name for path in folder.iterdir()) == ["full.json", "full.safetensors"]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "thesis.txt").write_text("ten years")
    with pytest.raises(InputError, match="holds no imported weights"):
        write_weights(other, TINY, portrait.state_dict(), {}, {})
    assert (other / "thesis.txt").read_text() == "ten years"


def test_what_killed_processes_left_is_removed(tmp_path, portrait):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = [tmp_path / f".w.{ended.pid}.{kind}" for kind in ("part", "retired")]
    kept = [tmp_path / f".w.{os.getppid()}.part", tmp_path / ".w.notes"]
    for folder in left + kept:
        folder.mkdir()
        (folder / "full.safetensors").write_bytes(b"x")
    write_weights(tmp_path / "w", TINY, portrait.state_dict(), {}, {})
    assert [folder.exists() for folder in left + kept] == [False, False, True, True]


def test_a_changed_file_is_not_read(tmp_path, portrait):
    write_weights(tmp_path, TINY, portrait.state_dict(), {}, {})
    path = tmp_path / "full.safetensors"
    blob = bytearray(path.read_bytes())
    blob[-100] ^= 1
    path.write_bytes(blob)
    with pytest.raises(InputError, match="sha256 differs"):
        read_weights(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="sha256 differs"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda card: card.update(format="x"), "not of the format"),
        (lambda card: card.pop("files"), "damaged or of another version"),
        (lambda card: card["config"].update(samples=0), "must be at least 1, got 0"),
        (lambda card: card["config"].update(colour=1), "damaged or of another version"),
    ],
)
def test_a_changed_card_is_refused(tmp_path, portrait, change, words):
    write_weights(tmp_path, TINY, portrait.state_dict(), {}, {})
    card = json.loads((tmp_path / "full.json").read_text())
    change(card)
    (tmp_path / "full.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="its seal does not match"):
        read_card(tmp_path)
    (tmp_path / "full.json").write_bytes(sealed_json(card))
    with pytest.raises(InputError, match=words):
        read_card(tmp_path)


def test_no_weights_and_no_json_are_told(tmp_path):
    with pytest.raises(InputError, match="no imported weights"):
        read_card(tmp_path)
    (tmp_path / "full.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        read_card(tmp_path)


def test_weights_of_another_configuration_are_refused(tmp_path, portrait):
    state = portrait.state_dict()
    state.pop("decoder.out.bias")
    write_weights(tmp_path, TINY, state, {}, {})
    with pytest.raises(InputError, match="do not fit this version"):
        load_portrait(tmp_path)
