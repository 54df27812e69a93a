"""The first look at a person: drawn before the clip is followed, where the live preview will be."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import face3dmm
from ball_portrait import TINY, ball_clip
from face3dmm.errors import InputError
from mimictalk import portrait_material, rendering
from mimictalk.adapt_preview import PICTURE
from mimictalk.adapt_recipe import Recipe
from mimictalk.console import Console
from mimictalk.first_look import SECONDS, draw_first_look
from mimictalk.planned_run import planned_run
from portrait3d.model import Portrait3D

RUN = {
    "steps": 5, "budget_s": None, "seed": 0, "preset": "small", "start": "embedded", "recipe": "own",
    "max_seconds": None, "segmenter": None,
}  # fmt: skip


@pytest.fixture
def look(monkeypatch, here):
    """Draws the first look at a ball; `asked` says how often it was followed, and for how long."""
    clip, asked = ball_clip(10), []

    def track_video(path, *, max_seconds):
        asked.append(max_seconds)
        coeffs = SimpleNamespace(identity=torch.zeros(80), expression=torch.zeros(10, 64))
        return SimpleNamespace(coeffs=coeffs)

    def draw(recipe: Recipe | None = None) -> list[str]:
        told: list[str] = []
        console = Console(quiet=True)
        console.note = told.append
        draw_first_look(
            Path("me.mp4"),
            here / "run",
            recipe or Recipe(),
            0,
            None,
            torch.device("cpu"),
            console,
            lambda *given: None,
        )
        return told

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Portrait3D(TINY).eval()
    monkeypatch.setattr(face3dmm, "track_video", track_video, raising=False)
    monkeypatch.setattr(portrait_material, "portrait_clip", lambda *given, **options: clip)
    monkeypatch.setattr(rendering, "base_model", lambda tensors: model)
    draw.asked = asked
    return draw


def test_it_is_drawn_from_the_first_seconds(here, look):
    assert look() == [f"first look: {here / 'run' / PICTURE}"]
    assert look.asked == [SECONDS]
    picture = np.asarray(Image.open(here / "run" / PICTURE))
    assert picture.shape[1:] == (768, 3)
    source = picture[:256, :256].astype(int)
    assert np.abs(source[128, 128] - (220, 150, 110)).max() <= 2  # the ball
    assert np.abs(source[4, 4] - (30, 60, 160)).max() <= 2


def test_a_run_that_goes_on_keeps_its_better_picture(here, look):
    (here / "run").mkdir()
    (here / "run" / PICTURE).write_bytes(b"a better one")
    assert look() == []
    assert look.asked == []
    assert (here / "run" / PICTURE).read_bytes() == b"a better one"


def test_nobody_in_the_first_seconds_is_no_verdict(here, look, monkeypatch):
    def refuse(path, *, max_seconds):
        raise InputError(path, "no face is seen", "Give another clip.")

    monkeypatch.setattr(face3dmm, "track_video", refuse)
    assert look() == []
    assert not (here / "run" / PICTURE).exists()


def test_it_changes_no_randomness(look):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    look()
    assert torch.equal(before, torch.random.get_rng_state())


def test_each_run_has_its_own_folder():
    run = planned_run("a clip", **RUN)
    assert run.state == planned_run("a clip", **RUN).state
    others = [{"steps": 6}, {"seed": 1}, {"recipe": "published"}, {"budget_s": 60.0}, {"max_seconds": 5.0}]
    folders = {planned_run("a clip", **{**RUN, **other}).state for other in others}
    folders |= {run.state, planned_run("another clip", **RUN).state}
    assert len(folders) == 7
