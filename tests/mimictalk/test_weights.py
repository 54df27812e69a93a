"""mimictalk weights import, list and verify, from checkpoints as the published trainers write them."""

import io
import json

import pytest
import torch
import typer
from safetensors.torch import load_file
from typer.main import get_command

from mimictalk.commands.weights import weights
from mimictalk.console import Console
from mimictalk.errors import explain
from mimictalk.weights_import import name_of
from mimictalk.weights_listing import embedded_weights, imported_weights, weights_home
from portrait3d.full import importing
from published_lists import shapes, tiny, trainer_file
from tiny_full import TINY_HEAD, published_state, random_portrait


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def portrait():
    return random_portrait(TINY_HEAD)


@pytest.fixture
def checkpoint(tmp_path, portrait):
    folder = tmp_path / "checkpoints" / "os_secc2plane"
    return trainer_file(folder / "model_ckpt_steps_100000.ckpt", published_state(portrait))


@pytest.fixture(autouse=True)
def _tiny_widths(monkeypatch):
    """Published checkpoints have one set of widths; these have another."""
    whole = importing.import_checkpoint
    monkeypatch.setattr(importing, "import_checkpoint", lambda path: whole(path, TINY_HEAD))


@pytest.fixture
def call():
    """Runs `weights` alone; returns exit code, standard output and notes, or the error in words."""

    def run(*arguments, as_json=False):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.callback()(lambda: None)
        app.add_typer(weights)
        console = Console(json=as_json, out=io.StringIO(), err=io.StringIO())
        words = ["weights", *map(str, arguments)]
        try:
            code = get_command(app).main(words, prog_name="mimictalk", standalone_mode=False, obj=console)
        except Exception as error:
            known = explain(error)
            if known is None:
                raise
            return known.exit_code, str(known), console.err.getvalue()
        return int(code or 0), console.out.getvalue(), console.err.getvalue()

    return run


def test_a_checkpoint_is_imported_listed_and_verified(call, checkpoint, portrait):
    code, out, _ = call("import", checkpoint)
    folder = weights_home() / "os_secc2plane"
    assert code == 0
    assert f"written: {folder}, float32" in out
    assert "a generic renderer, tri-grid of depth 3, head only, step 1,234" in out
    assert "note: no config.yaml beside it" in out
    state = load_file(folder / "full.safetensors")
    assert torch.equal(state["decoder.out.weight"], portrait.decoder.out.weight)
    code, out, _ = call("list")
    assert code == 0
    assert "os_secc2plane/full.safetensors" in out
    assert "portrait3d/data/small.safetensors" in out
    code, out, _ = call("verify", folder)
    assert (code, out.count("\n")) == (0, 1)
    assert f"{folder}/full.safetensors: intact" in out


def test_json_says_what_was_read(call, checkpoint, tmp_path):
    code, out, _ = call("import", checkpoint, "-o", tmp_path / "here", "--half", as_json=True)
    facts = json.loads(out)
    assert code == 0
    assert facts["folder"] == str(tmp_path / "here")
    assert facts["precision"] == "float16"
    assert facts["read"] > 500
    assert facts["files"]["full.safetensors"]["bytes"] == (tmp_path / "here/full.safetensors").stat().st_size
    code, out, _ = call("list", tmp_path / "here", as_json=True)
    (file,) = json.loads(out)["weights"]
    assert file["origin"] == "imported"
    assert file["about"] == "a generic renderer, float16"
    assert file["sha256"] == facts["files"]["full.safetensors"]["sha256"]


def test_an_audio_to_motion_model_is_imported_listed_and_verified(call, tmp_path):
    listed = shapes("audio_to_motion_vae")
    state = {name: torch.full(shape, 0.5) for name, shape in listed.items()}
    path = trainer_file(tmp_path / "audio2secc_vae.ckpt", state)
    code, out, _ = call("import", path, "--half")
    folder = weights_home() / "audio2secc_vae"
    assert code == 0
    assert "the audio-to-motion model of Real3D-Portrait (VAE with flow), step 1,234" in out
    assert f"written: {folder}, float16" in out
    assert "weights are there already" in call("import", path)[1]
    assert "audio2secc_vae/motion.safetensors" in call("list")[1]
    assert f"{folder}/motion.safetensors: intact" in call("verify", folder)[1]


def test_a_folder_that_is_taken_is_not_replaced(call, checkpoint, tmp_path):
    out = tmp_path / "w"
    assert call("import", checkpoint, "-o", out)[0] == 0
    card = (out / "full.json").read_text()
    code, words, _ = call("import", checkpoint, "-o", out, "--half")
    assert code == 2
    assert "weights are there already" in words
    assert (out / "full.json").read_text() == card
    assert call("import", checkpoint, "-o", out, "--half", "--force")[0] == 0
    assert '"float16"' in (out / "full.json").read_text()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("x")
    code, words, _ = call("import", checkpoint, "-o", other, "--force")
    assert (code, "holds no imported weights" in words) == (2, True)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: trainer_file(path, tiny(shapes("audio_to_motion"))), "of another shape"),
        (lambda path: trainer_file(path, {"decoder.net.0.weight": torch.ones(1)}), "a part of a renderer"),
        (lambda path: path.write_bytes(b"<!doctype html>"), "web page"),
        (lambda path: path.write_bytes(b"abcdef"), "cut short or damaged"),
        (lambda path: None, "no such file"),
    ],
)
def test_wrong_files_are_told_in_three_lines(call, tmp_path, make, words):
    path = tmp_path / "a.ckpt"
    make(path)
    code, said, _ = call("import", path)
    assert code == 2
    assert words in said
    assert said.startswith(str(path))
    assert len(said.splitlines()) <= 3
    assert not weights_home().exists()


def test_embedded_weights_are_intact(call):
    files = embedded_weights()
    assert {file.name.split("/")[0] for file in files} == {"face3dmm", "portrait3d", "talk_motion"}
    code, out, _ = call("verify", as_json=True)
    facts = json.loads(out)
    assert code == 0
    assert facts["intact"]
    assert [entry["name"] for entry in facts["files"]] == [file.name for file in files]
    # What has a record beside it matches it; nothing is said to be wrong.
    assert {entry["name"]: entry["intact"] for entry in facts["files"] if entry["sha256"]} == {
        file.name: True for file in files if file.sha256
    }
    assert sum(file.sha256 is not None for file in files) >= 2


def test_a_damaged_import_ends_with_exit_code_one(call, checkpoint, tmp_path):
    out = tmp_path / "w"
    call("import", checkpoint, "-o", out)
    blob = bytearray((out / "full.safetensors").read_bytes())
    blob[-1] ^= 4
    (out / "full.safetensors").write_bytes(blob)
    code, said, _ = call("verify", out)
    assert code == 1
    assert "bits were changed in 1 of" in said


def test_a_folder_without_weights_is_refused(call, tmp_path):
    for command in ("verify", "list"):
        code, words, _ = call(command, tmp_path)
        assert code == 2
        assert "no imported weights" in words
    assert imported_weights() == []


def test_without_a_command_there_is_help(call):
    code, out, _ = call()
    assert code == 0
    for command in ("import", "list", "verify"):
        assert command in out


def test_weights_are_named_after_their_folder_or_file(tmp_path):
    assert name_of(tmp_path / "German_20s" / "model_ckpt_steps_10000.ckpt") == "German_20s"
    assert name_of(tmp_path / "mine.ckpt") == "mine"
