"""`adapt` around its training: verdict first, nothing half-written, everything recorded."""

import math
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from mimictalk import adapt_job
from mimictalk.adapt_sample import Sample
from mimictalk.avatar import Avatar
from mimictalk.checking import Verdict
from mimictalk.errors import InputError
from mimictalk.manifest import sha256_file
from mimictalk.state import last_avatar
from mimictalk.video_writer import VideoWriter
from mimictalk_adapt import AdaptResult
from segmentation_task import write_task


AGREED = ("--consent", "synthetic person")


class FakeTrack:
    def save(self, path: Path) -> None:
        path.write_bytes(b"a track")


def sample() -> Sample:
    """Four grey frames, drawn a little brighter; the mouth opens from frame to frame."""
    points = np.random.default_rng(0).uniform(150, 350, (478, 2)).astype(np.float32)
    landmarks = np.stack([points] * 4)
    landmarks[:, 14] = landmarks[:, 13] + np.arange(4, dtype=np.float32)[:, None]
    frames = np.random.default_rng(1).integers(0, 200, (4, 512, 512, 3), dtype=np.uint8)
    return Sample([0, 10, 20, 30], {20}, frames, frames + 5, landmarks, landmarks)


RESULT = AdaptResult(
    steps=12,
    resumed_at=0,
    seconds=3.0,
    skipped=0,
    rollbacks=0,
    best_step=6,
    best={"score": 0.2, "psnr": 25.0, "psnr_mouth": 24.0, "head_iou": 0.9},
    curve=[(6, {"loss": 0.5}), (12, {"loss": 0.25})],
    held_out=[
        (0, 0.1, {"score": 0.4, "psnr": 20.0, "psnr_mouth": 19.0, "head_iou": 0.5}),
        (6, 1.0, {"score": 0.2, "psnr": 25.0, "psnr_mouth": 24.0, "head_iou": 0.9}),
    ],
    spent={"loss": 0.6, "backward": 2.4, "looks": 0.03},
)


@pytest.fixture
def training(monkeypatch, tensors, adapter, prompt, tmp_path):
    """The training replaced by something quick; returns what it was asked to do."""
    asked: list[dict] = []
    state = tmp_path / "state of the run"

    def adapt_clip(video, work_dir, **options):
        asked.append({"video": video, "work_dir": work_dir, **options})
        assert (work_dir / "track.safetensors").read_bytes() == b"a track"
        state.mkdir(exist_ok=True)
        options["progress"]("train", 1, 2, {"loss": 0.5})
        return SimpleNamespace(
            tensors=tensors,
            adapter_dir=adapter,
            prompt=prompt,
            preview=np.zeros((8, 8, 3), np.uint8),
            meta={"steps": 12, "loss": 0.25, "frames": 300, "held_out_frames": 32},
            result=RESULT,
            sample=sample(),
            state=state,
            warnings=["the hair moved"],
        )

    module = ModuleType("mimictalk.adapting")
    module.adapt_clip = adapt_clip
    monkeypatch.setattr(adapt_job, "learn_speech", lambda prompt, seed, progress: (None, {"kept": False}))
    monkeypatch.setitem(sys.modules, "mimictalk.adapting", module)
    facts = {"seconds": 12.0, "frames": 300, "speech": True}
    verdict = Verdict(facts, ("the clip is dark",), FakeTrack())
    monkeypatch.setattr(adapt_job, "check_reference", lambda path, progress, seconds, opened: verdict)
    return asked


@pytest.fixture
def clip(here) -> Path:
    with VideoWriter(here / "ref.mp4", None, leader="picture", metadata={}, size=(64, 64)) as writer:
        writer.write(np.zeros((64, 64, 3), np.uint8))
    return here / "ref.mp4"


def test_an_avatar_is_made_and_remembered(cli, here, clip, training):
    ran = cli("adapt", "ref.mp4", *AGREED, "--steps", 12, "--seed", 5, "--budget", "10m", "--first", "30s")
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
    assert made.consent is not None
    assert made.consent["statement"] == "synthetic person"
    assert made.licence is None
    assert last_avatar() == here / "ref"


def test_nothing_but_the_avatar_is_left(cli, here, clip, training):
    cli("adapt", "ref.mp4", *AGREED)
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
    told = cli("adapt", "ref.mp4", *AGREED, "--json").json
    assert told["ok"] is True
    assert told["avatar"] == "ref"
    assert told["warnings"] == ["the clip is dark", "the hair moved"]
    assert len(told["avatar_sha256"]) == 64


def test_a_taken_folder_is_refused_before_any_work(cli, here, clip, training):
    (here / "ref").mkdir()
    (here / "ref" / "letter.txt").write_text("mine")
    ran = cli("adapt", "ref.mp4", *AGREED, "--force")
    assert ran.code == 2
    assert ran.err == (
        "ref: the folder exists and is not an avatar: it will not be touched\n"
        "Choose another folder with -o.\n"
    )
    assert training == []


def test_a_second_run_needs_force(cli, here, clip, training):
    assert cli("adapt", "ref.mp4", *AGREED).code == 0
    assert cli("adapt", "ref.mp4", *AGREED).code == 2
    assert len(training) == 1
    assert cli("adapt", "ref.mp4", *AGREED, "--force", "--seed", 9).code == 0
    assert Avatar.load(here / "ref").manifest.seed == 9


@pytest.mark.parametrize("fault", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_a_training_that_fails_leaves_the_old_avatar_and_nothing_else(
    cli, here, clip, training, monkeypatch, fault
):
    cli("adapt", "ref.mp4", *AGREED)
    before = (here / "ref" / "avatar.json").read_bytes()

    def fail(*_args, **_options):
        raise fault

    monkeypatch.setattr(sys.modules["mimictalk.adapting"], "adapt_clip", fail)
    ran = cli("adapt", "ref.mp4", *AGREED, "--force")
    assert ran.code == (130 if fault is KeyboardInterrupt else 1)
    assert (here / "ref" / "avatar.json").read_bytes() == before
    assert sorted(entry.name for entry in here.iterdir()) == ["ref", "ref.mp4"]
    if fault is KeyboardInterrupt:
        assert ran.err.endswith(
            "Stopped. No avatar was written yet; the same command goes on where it stopped.\n"
        )


def test_an_unusable_clip_ends_before_training(cli, here, clip, training, monkeypatch):
    def refuse(path, progress, seconds, opened):
        raise InputError(path, "no face was found", "Give a clip of a person.")

    monkeypatch.setattr(adapt_job, "check_reference", refuse)
    ran = cli("adapt", "ref.mp4", *AGREED)
    assert (ran.code, ran.err) == (2, "ref.mp4: no face was found\nGive a clip of a person.\n")
    assert training == []
    assert sorted(entry.name for entry in here.iterdir()) == ["ref.mp4"]


def test_a_wrong_segmenter_ends_before_any_work(cli, here, clip, training):
    (here / "cats.tflite").write_bytes(b"not a network")
    ran = cli("adapt", "ref.mp4", *AGREED, "--segmenter", "cats.tflite")
    assert ran.code == 2
    assert ran.err.startswith("cats.tflite: is no segmentation task file of MediaPipe\nGive one such as")
    assert training == []


def test_a_segmenter_is_used_for_training(cli, here, clip, training):
    write_task(here / "classes.tflite", {"background": (0, 0, 255), "clothes": (0, 255, 0)})
    assert cli("adapt", "ref.mp4", *AGREED, "--segmenter", "classes.tflite").code == 0
    assert training[0]["segmenter"] == Path("classes.tflite")


def test_the_state_is_kept_until_the_avatar_is_in_its_place(cli, here, clip, training, monkeypatch, tmp_path):
    def fail(*_args, **_options):
        raise OSError(28, "No space left on device", "ref")

    with monkeypatch.context() as patched:
        patched.setattr(adapt_job, "write_avatar", fail)
        assert cli("adapt", "ref.mp4", *AGREED).code == 1
    assert (tmp_path / "state of the run").is_dir()
    assert cli("adapt", "ref.mp4", *AGREED).code == 0
    assert not (tmp_path / "state of the run").exists()


def test_the_report_stands_alone_and_tells_everything(cli, here, clip, training):
    cli("adapt", "ref.mp4", *AGREED, "-o", "me", "--consent", "I agree <b>fully</b>.")
    assert "report.html" in Avatar.load(here / "me").manifest.files
    page = (here / "me" / "report.html").read_text()
    assert "<th>gradients</th><td class='number'>200</td>" in page  # 2.4 s in 12 steps, in ms
    assert page.count("data:image/jpeg;base64,") == 2
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("<svg") == 4
    assert "I agree &lt;b&gt;fully&lt;/b&gt;." in page
    assert "the clip is dark" in page and "the hair moved" in page
    assert "prefers-color-scheme: dark" in page and "light-dark(" in page
    assert "the values are those of step 6" in page
    for told in ("seconds by stage: train", "peak memory, GB", "held-out PSNR, dB", "LMD"):
        assert told in page, told
    ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])


def test_a_sample_is_measured():
    figures = sample().figures()
    assert figures["psnr"] == pytest.approx(10 * math.log10(255**2 / 25))
    assert figures["lmd"] == 0.0
    assert figures["mouth_correlation"] == pytest.approx(1.0)
    assert figures["faces_found"] == 1.0


def test_no_avatar_is_written_of_values_that_are_not_finite(cli, here, clip, training, tensors):
    tensors["planes"][0, 0, 0, 0] = float("nan")
    assert cli("adapt", "ref.mp4", *AGREED).code == 1
    assert not (here / "ref").exists()


def test_an_unknown_recipe_is_refused(cli, clip, training):
    ran = cli("adapt", "ref.mp4", *AGREED, "--recipe", "secret")
    assert (ran.code, training) == (2, [])
    assert ran.err == "--recipe: 'secret' is unknown\nGive own or published.\n"
