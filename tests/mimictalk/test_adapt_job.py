"""`adapt` around its training: verdict first, nothing half-written, everything recorded."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from mimictalk import adapt_job
from mimictalk.avatar import Avatar
from mimictalk.checking import Verdict
from mimictalk.errors import InputError
from mimictalk.manifest import sha256_file
from mimictalk.state import last_avatar
from segmentation_task import write_task


class FakeTrack:
    def save(self, path: Path) -> None:
        path.write_bytes(b"a track")


@pytest.fixture
def training(monkeypatch, tensors, adapter, prompt):
    """The training replaced by something quick; returns what it was asked to do."""
    asked: list[dict] = []

    def adapt_clip(video, work_dir, **options):
        asked.append({"video": video, "work_dir": work_dir, **options})
        assert (work_dir / "track.safetensors").read_bytes() == b"a track"
        options["progress"]("train", 1, 2, {"loss": 0.5})
        return SimpleNamespace(
            tensors=tensors,
            adapter_dir=adapter,
            prompt=prompt,
            preview=np.zeros((8, 8, 3), np.uint8),
            meta={"steps": 12, "loss": 0.25},
            warnings=["the hair moved"],
        )

    module = ModuleType("mimictalk.adapting")
    module.adapt_clip = adapt_clip
    monkeypatch.setitem(sys.modules, "mimictalk.adapting", module)
    facts = {"seconds": 12.0, "frames": 300, "speech": True}
    verdict = Verdict(facts, ("the clip is dark",), FakeTrack())
    monkeypatch.setattr(adapt_job, "check_reference", lambda path, progress, seconds: verdict)
    return asked


@pytest.fixture
def clip(here) -> Path:
    (here / "ref.mp4").write_bytes(b"frames")
    return here / "ref.mp4"


def test_an_avatar_is_made_and_remembered(cli, here, clip, training):
    ran = cli("adapt", "ref.mp4", "--steps", 12, "--seed", 5, "--budget", "10m", "--first", "30s")
    assert (ran.code, ran.out) == (0, "ref\n")
    assert ran.err.splitlines() == [
        "warning: the clip is dark",
        "train: 1/2 (loss 0.5)",
        "warning: the hair moved",
        "Next: mimictalk render ref --audio SPEECH.wav",
    ]
    (asked,) = training
    wanted = {"steps": 12, "seed": 5, "budget_s": 600.0, "max_seconds": 30.0, "preset": "small"}
    assert {key: asked[key] for key in wanted} == wanted
    made = Avatar.load(here / "ref").manifest
    assert (made.steps, made.seed, made.fps, made.meta["loss"]) == (12, 5, 25.0, 0.25)
    assert made.source == {"name": "ref.mp4", "sha256": sha256_file(clip)}
    assert made.consent is None
    assert made.licence is None
    assert last_avatar() == here / "ref"


def test_nothing_but_the_avatar_is_left(cli, here, clip, training):
    cli("adapt", "ref.mp4")
    assert sorted(entry.name for entry in here.iterdir()) == ["ref", "ref.mp4"]


def test_consent_and_licence_are_recorded_in_words(cli, here, clip, training):
    cli("adapt", "ref.mp4", "-o", "me", "--consent", "I am the person shown.", "--licence", "CC BY 4.0")
    made = Avatar.load(here / "me").manifest
    assert made.consent is not None
    assert made.consent["statement"] == "I am the person shown."
    assert made.licence == "CC BY 4.0"
    card = (here / "me" / "README.md").read_text()
    assert "| consent of the person shown | I am the person shown. |" in card
    assert "| licence | CC BY 4.0 |" in card


def test_json(cli, clip, training):
    told = cli("adapt", "ref.mp4", "--json").json
    assert told["ok"] is True
    assert told["avatar"] == "ref"
    assert told["warnings"] == ["the clip is dark", "the hair moved"]
    assert len(told["avatar_sha256"]) == 64


def test_a_taken_folder_is_refused_before_any_work(cli, here, clip, training):
    (here / "ref").mkdir()
    (here / "ref" / "letter.txt").write_text("mine")
    ran = cli("adapt", "ref.mp4", "--force")
    assert ran.code == 2
    assert ran.err == (
        "ref: the folder exists and is not an avatar: it will not be touched\n"
        "Choose another folder with -o.\n"
    )
    assert training == []


def test_a_second_run_needs_force(cli, here, clip, training):
    assert cli("adapt", "ref.mp4").code == 0
    assert cli("adapt", "ref.mp4").code == 2
    assert len(training) == 1
    assert cli("adapt", "ref.mp4", "--force", "--seed", 9).code == 0
    assert Avatar.load(here / "ref").manifest.seed == 9


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_a_training_that_fails_leaves_the_old_avatar_and_nothing_else(
    cli, here, clip, training, monkeypatch, fault
):
    cli("adapt", "ref.mp4")
    before = (here / "ref" / "avatar.json").read_bytes()

    def fail(*_args, **_options):
        raise fault

    monkeypatch.setattr(sys.modules["mimictalk.adapting"], "adapt_clip", fail)
    ran = cli("adapt", "ref.mp4", "--force")
    assert ran.code == (130 if fault is KeyboardInterrupt else 1)
    assert (here / "ref" / "avatar.json").read_bytes() == before
    assert sorted(entry.name for entry in here.iterdir()) == ["ref", "ref.mp4"]
    if fault is KeyboardInterrupt:
        assert ran.err.endswith(
            "Stopped. No avatar was written yet; the same command goes on where it stopped.\n"
        )


def test_an_unusable_clip_ends_before_training(cli, here, clip, training, monkeypatch):
    def refuse(path, progress, seconds):
        raise InputError(path, "no face was found", "Give a clip of a person.")

    monkeypatch.setattr(adapt_job, "check_reference", refuse)
    ran = cli("adapt", "ref.mp4")
    assert (ran.code, ran.err) == (2, "ref.mp4: no face was found\nGive a clip of a person.\n")
    assert training == []
    assert sorted(entry.name for entry in here.iterdir()) == ["ref.mp4"]


def test_a_wrong_segmenter_ends_before_any_work(cli, here, clip, training):
    (here / "cats.tflite").write_bytes(b"not a network")
    ran = cli("adapt", "ref.mp4", "--segmenter", "cats.tflite")
    assert ran.code == 2
    assert ran.err.startswith("cats.tflite: is no segmentation task file of MediaPipe\nGive one such as")
    assert training == []


def test_a_segmenter_is_used_for_training(cli, here, clip, training):
    write_task(here / "classes.tflite", {"background": (0, 0, 255), "clothes": (0, 255, 0)})
    assert cli("adapt", "ref.mp4", "--segmenter", "classes.tflite").code == 0
    assert training[0]["segmenter"] == Path("classes.tflite")
