"""The measuring run with a stand-in for the app: one that gives back the true clip must score as perfect."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from measure_line import audio_driven, clips, landmarks, video_driven
from measure_line.process import Run

COST = Run(seconds=10.0, cpu_seconds=15.0, peak_gb=2.0, result={})


class PerfectApp:
    """Renders the true clip whatever it is asked for; speaks with a still face."""

    def __init__(self) -> None:
        self.called: list[tuple[str, list[str]]] = []

    def adapt(self, clip: Path, avatar: Path, options: list[str]) -> Run:
        self.called.append(("adapt", options))
        return COST

    def render(self, avatar: Path, out: Path, options: list[str]) -> Run:
        self.called.append(("render", options))
        driver = Path(options[1])
        if driver.suffix == ".mp4":
            shutil.copy(driver, out)
        else:  # speech: the clip that it was cut from; silence: the same face for five seconds
            still = clips.read_frames(out.parent / "last.mp4")[:1]
            frames = (
                still.repeat(125, axis=0)
                if "silence" in driver.name
                else clips.read_frames(out.parent / "last.mp4")
            )
            clips.write_clip(out, frames, np.zeros(len(frames) * 640, np.float32), 16000)
        return COST

    def motion(self, sound: Path, style: Path, out: Path) -> Run:
        save_file({"expression": np.zeros((125, 64), np.float32)}, out)
        return COST

    def track(self, clip: Path, out: Path) -> Run:
        expression = np.zeros((100, 64), np.float32)
        expression[50:, 24] = 0.5  # jawOpen
        save_file({"expression": expression}, out)
        return COST


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Four seconds of a face whose lips part, never twice the same, while the light fades."""
    from skimage.data import astronaut
    from skimage.transform import resize

    face = (resize(astronaut()[:300, 100:400], (256, 256)) * 255).astype(np.uint8)
    points = landmarks.detect(face[None])[0]
    row, left, right = (round(points[index, axis]) for index, axis in ((13, 1), (61, 0), (291, 0)))
    frames = []
    for index in range(100):
        frame = face.copy()
        gap = round(7 + 7 * np.sin(index**1.3 / 12))
        frame[row + gap :] = face[row : 256 - gap]
        frame[row : row + gap] = face[row - 1]
        frame[row : row + gap, left + 4 : right - 4] = 20
        frames.append((frame * (1 - index / 400)).astype(np.uint8))
    sound = np.sin(np.arange(4 * 48000) / 20).astype(np.float32) * 0.3
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    clips.write_clip(path, np.stack(frames), sound, 48000)
    return path


@pytest.fixture(scope="module")
def person(clip) -> video_driven.Person:
    return video_driven.Person.of(clip, clip.parent / "work")


def test_a_perfect_render_misses_no_bar(person):
    app = PerfectApp()
    found = {figure.name: figure for figure in video_driven.measure_video(person, app, ["--steps", "5"])}
    assert [name for name, figure in found.items() if figure.holds is False] == []
    assert found["face/full_psnr"].value > 38  # written and read twice as H.264
    assert found["face/sharpness"].value == pytest.approx(1, abs=0.1)
    assert found["face/mouth_correlation"].value > 0.95
    assert found["face/drive_fps"].value == pytest.approx(20 / COST.seconds)
    assert found["face/adapt_minutes"].value == pytest.approx(COST.seconds / 60)
    assert ("adapt", ["--steps", "5"]) in app.called
    for name in ("sheet.png", "sheet_faces.png", "sheet_mouths.png", "mouth_driven.png"):
        assert (person.folder / name).exists()


def test_equal_starts_are_equal(person):
    figures = {f.name: f for f in video_driven.measure_start(person, PerfectApp(), 7, ["--start", "random"])}
    psnr = figures["face/start_full_psnr"]
    assert psnr.value == psnr.baseline == psnr.bar


def test_a_still_mouth_follows_nothing_and_is_silent(person, clip):
    speech, app = audio_driven.Speech.of(person, clip), PerfectApp()
    measured = audio_driven.measure_model(person, speech, app) + audio_driven.measure_rendered(
        person, speech, app
    )
    figures = {figure.name: figure for figure in measured}
    assert figures["face/lips_model_correlation"].value == 0
    assert figures["face/lips_model_correlation"].holds is False
    assert figures["face/lips_rendered_correlation"].value > 0.95
    assert figures["face/lips_rendered_lag"].value == 0
    assert figures["face/render_fps"].value == pytest.approx(80 / COST.seconds)
    assert figures["face/lips_model_in_silence"].value == pytest.approx(0, abs=0.01)
    assert (person.folder / "audio" / "mouth_rendered.png").exists()
