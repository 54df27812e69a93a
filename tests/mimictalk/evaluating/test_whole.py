"""`evaluate` from files to files: figures of videos whose difference is known."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from face3dmm import open_video, track_video
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.evaluate_job import EvaluateSettings, evaluate
from mimictalk.evaluating.figures import MEASURES
from portrait3d.metrics.face_recognition import FaceRecognition
from portrait3d.metrics.lpips import Lpips

SHIFT = 6  # of the fixture `moved`
BEGIN, FIRST = 0.8, 20


def random_weights(folder: Path) -> dict[str, Path]:
    """Files of LPIPS and ArcFace that no one has trained."""
    generator = torch.Generator().manual_seed(0)
    files = {}
    with torch.device("meta"):
        networks = {"lpips": Lpips("alex"), "arcface": FaceRecognition((1, 1, 1, 1))}
    for name, network in networks.items():
        shapes = {key: value.shape for key, value in network.state_dict().items()}
        state = {key: torch.rand(shape, generator=generator) for key, shape in shapes.items()}
        state |= {key: value - 0.5 for key, value in state.items() if value.ndim > 1 and "weights" not in key}
        files[name] = folder / f"{name}.safetensors"
        save_file(state, files[name])
    return files


@pytest.fixture
def settings(clip, moved, track, monkeypatch):
    """Settings for the two clips, each of which is tracked once for all tests."""
    tracks = {clip: track, moved: track_video(moved)}
    monkeypatch.setattr("mimictalk.tracked_motion.track_for", lambda path, progress: tracks[path])
    monkeypatch.setattr("face3dmm.track_video", lambda path, progress: tracks[path])

    def build(**options):
        return EvaluateSettings(clip, video=moved, **options)

    return build


def test_a_video_that_was_moved_by_six_pixels(here, tmp_path, clip, moved, settings):
    files = random_weights(tmp_path)
    weights = {"lpips": (files["lpips"],), "arcface": files["arcface"]}
    told = evaluate(settings(begin=BEGIN, **weights), Console(quiet=True))

    folder = here / "moved-against-clip"
    stored = json.loads((folder / "evaluation.json").read_text())
    assert stored["figures"] == told["figures"]
    made = {"evaluation.json", "report.html", "frames.png", "faces.png"}
    assert {entry.name for entry in folder.iterdir()} == made
    assert list(told["figures"]) == list(MEASURES)
    values = {key: entry["value"] for key, entry in told["figures"].items()}
    decoded = [
        (a.astype(float), b.astype(float)) for a, b in zip(open_video(clip), open_video(moved), strict=True)
    ][FIRST:]
    assert (told["first_frame"], told["frames"]) == (FIRST, len(decoded))
    psnr = np.mean([10 * np.log10(255**2 / ((a - b) ** 2).mean()) for a, b in decoded])
    assert values["psnr"] == pytest.approx(psnr, abs=1e-3)
    assert values["l1"] == pytest.approx(np.mean([np.abs(a - b).mean() / 255 for a, b in decoded]), abs=1e-4)
    assert values["akd"] == pytest.approx(SHIFT, abs=0.5)
    assert values["lmd"] < 0.5
    assert values["faces_found"] == 1
    assert values["sharpness"] == pytest.approx(1, abs=0.1)
    # The face was cut out at its own points, so the pixels' place does not count for CSIM.
    assert values["csim"] > 0.98
    assert values["lpips"] > 0
    assert "--inception FILE" in told["figures"]["fid"]["reason"]
    assert told["figures"]["av_offset"]["reason"] == "there is no sound to compare with"
    assert set(told["weights"]) == {"lpips", "arcface"}

    crossed = evaluate(
        settings(protocol="cross", source=clip, arcface=files["arcface"], begin=BEGIN), Console(quiet=True)
    )
    values = {key: entry["value"] for key, entry in crossed["figures"].items()}
    assert values["psnr"] is None
    assert values["csim"] > 0.9
    assert 0 < values["aed"] < 0.05
    assert list(crossed["tables"]) == ["Real3D-Portrait, cross identity"]


def test_nothing_is_left_after_the_end(settings, here):
    with pytest.raises(InputError, match=r"lasts 1\.1 s: nothing is left after 2\.0 s"):
        evaluate(settings(begin=2.0), Console(quiet=True))
    assert not list(here.iterdir())
