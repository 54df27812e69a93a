"""`mimictalk render` of pictures that cost nothing: everything real but motion, drawing and the size.

The command line, the check of the avatar, segments, journal, joining, sound, watermark and signature are the
app's own. A run takes about half a second, so that it can be killed often.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file

from mimictalk import driven_video, motion_sources, provenance, rendering
from mimictalk.avatar import Avatar, write_avatar
from mimictalk.base_weights import installed
from mimictalk.console import Console
from mimictalk.examination import examine
from mimictalk.manifest import Manifest
from mimictalk.render_job import RenderSettings, render_avatar
from mimictalk.video_coding import Coding
from mimictalk.watermark import Watermark
from tiny_avatar import write_speech
from tiny_video_job import SIZE, TinyRenderer, motion_of

FRAMES = 180  # three segments and a part of one
AVATAR, SPEECH, VIDEO = "nobody", "speech.wav", "out.mp4"


def prepare(base: Path) -> None:
    """Make avatar and speech in `base`, and load everything that a run needs."""
    import av.audio.resampler  # noqa: F401
    import c2pa  # noqa: F401

    import mimictalk.segmented_video  # noqa: F401

    os.environ["XDG_DATA_HOME"] = str(base / "data")
    write_small_avatar(base / AVATAR)
    write_speech(base / SPEECH, FRAMES / 25)
    examine(base / SPEECH)  # known to every child: it starts no process of its own


def write_small_avatar(path: Path) -> Avatar:
    """An avatar that is checked as any other, but of which nothing is drawn."""
    adapter = path.with_name("adapter")
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    save_file({"lora_A": torch.ones(2, 3)}, adapter / "adapter_model.safetensors")
    source = {"name": "nobody.mp4", "sha256": hashlib.sha256(b"nobody").hexdigest()}
    manifest = Manifest(
        preset="small", seed=0, steps=1, tool="mimictalk test", created="2026-11-21T00:00:00+00:00",
        base_weights=installed(), source=source, meta={},
    )  # fmt: skip
    tensors = {"planes": torch.zeros(3, 4, 8, 8), "face_identity": torch.zeros(80)}
    preview = np.full((16, 16, 3), 128, np.uint8)
    return write_avatar(path, manifest, tensors, adapter, None, preview, "# nobody\n")


@contextmanager
def quick(before: Callable[[int], None]) -> Iterator[None]:
    """In here videos are small and show the numbers of their frames; `before` is called with each."""
    renderer = TinyRenderer(before)
    with (
        mock.patch.object(motion_sources, "motion_from_audio", return_value=motion_of(FRAMES)),
        mock.patch.object(rendering, "load_renderer", return_value=renderer),
        mock.patch.object(driven_video, "_coding", return_value=Coding((SIZE, SIZE))),
        mock.patch.object(provenance, "Watermark", lambda payload, _: Watermark(payload, (SIZE, SIZE))),
    ):
        yield


def settings_of(base: Path, folder: Path) -> RenderSettings:
    """The video `folder`/out.mp4."""
    return RenderSettings(avatar=base / AVATAR, audio=base / SPEECH, out=folder / VIDEO)


def render_numbers(base: Path, folder: Path, before: Callable[[int], None]) -> None:
    """Make the video `folder`/out.mp4, or go on with it; nothing outside `folder` changes.

    Args:
        base: As `prepare` left it.
        folder: Of the run.
        before: Called with the number of each frame that is drawn.
    """
    torch.set_num_threads(1)
    with quick(before):
        render_avatar(settings_of(base, folder), Console(quiet=True))
