"""`mimictalk adapt` on a ball in place of a person: everything real but the clip, its tracking and the size.

Learning, state, atomic writing and the avatar folder are the app's own. A run takes about a second, so that
it can be killed often.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from ball_portrait import TINY, ball_clip
from mimictalk import adapt_job, adapting, base_weights, portrait_material, rendering
from mimictalk.adapt_job import AdaptSettings, make_avatar
from mimictalk.adapt_recipe import Recipe
from mimictalk.checking import Verdict
from mimictalk.console import Console
from portrait3d.model import Portrait3D

STEPS, FRAMES = 12, 80
CLIP, AVATAR = "ball.mp4", "ball"


def fake_track() -> Any:
    """What learning needs of a track."""
    coeffs = SimpleNamespace(
        identity=torch.zeros(80),
        expression=torch.linspace(0, 1, FRAMES)[:, None].expand(FRAMES, 64),
        euler=torch.zeros(FRAMES, 3),
        translation=torch.zeros(FRAMES, 3),
    )
    return SimpleNamespace(
        coeffs=coeffs, source_hash="ball", save=lambda path: path.write_bytes(b"track"), fps=25.0
    )


def tiny_model(tensors: dict[str, torch.Tensor]) -> Portrait3D:
    """A tiny network, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Portrait3D(TINY).eval()


def prepare() -> None:
    """Load everything that a run needs, so that a forked child begins at once."""
    import peft  # noqa: F401
    import PIL.PngImagePlugin  # noqa: F401

    import face3dmm  # noqa: F401
    import mimictalk.adapt_preview  # noqa: F401
    import mimictalk_adapt.lora  # noqa: F401
    import portrait3d.drawing
    import portrait3d.published_adaptation  # noqa: F401

    base_weights.installed()


@contextmanager
def ball_clip_in_place(folder: Path) -> Iterator[None]:
    """In here `folder`/ball.mp4 stands for a clip of a person, and state and cache lie in `folder` too."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.environ["XDG_STATE_HOME"] = str(folder / "remembered")
    own = Recipe.config

    def often(self: Recipe, steps: int | None, seed: int, *, budget: bool = False) -> Any:
        settings = own(self, steps, seed, budget=budget)
        return replace(settings, save_every_s=0.0, judge_every=4, ema=0.9, r=2, lora_alpha=2)

    verdict = Verdict({"seconds": FRAMES / 25}, (), fake_track())
    clip = ball_clip(FRAMES)
    with (
        mock.patch.object(adapt_job, "check_reference", return_value=verdict),
        mock.patch.object(portrait_material, "portrait_clip", return_value=clip),
        mock.patch.object(rendering, "base_model", tiny_model),
        mock.patch.object(adapting, "speech_prompt", return_value=None),
        mock.patch.object(Recipe, "config", often),
        mock.patch("mimictalk.provenance.input_marks", return_value=None),
        mock.patch("face3dmm.FaceTrack.load", return_value=fake_track()),
        mock.patch("mimictalk.adapt_sample.draw_sample", return_value=None),
        mock.patch("mimictalk.adapt_report.report_page", return_value="<p>a ball</p>"),
    ):
        yield


def settings_of(folder: Path, steps: int = STEPS, *, force: bool = False) -> AdaptSettings:
    """The run that makes the avatar `folder`/ball."""
    return AdaptSettings(folder / CLIP, folder / AVATAR, steps=steps, consent="A ball agrees.", force=force)


def adapt_ball(folder: Path, steps: int = STEPS) -> None:
    """Make the avatar `folder`/ball, or go on with it; nothing outside `folder` changes."""
    (folder / CLIP).write_bytes(b"stands for a clip")
    with ball_clip_in_place(folder):
        make_avatar(settings_of(folder, steps), Console(quiet=True))
