"""An hour of speech through the real motion model and the real video files, with pictures that cost nothing.

Run it with:  pytest -m slow tests/integration/test_an_hour_of_speech.py -s      (some minutes on two cores)
"""

import io
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import psutil
import pytest
import torch

from mimictalk.console import Console
from mimictalk.motion_sources import motion_from_audio
from mimictalk.render_job import RenderSettings
from mimictalk.segmented_video import make_video
from mimictalk.video_coding import FPS
from talk_motion.spool import MotionSpool
from tiny_video_job import SIZE, job, number_in, picture

MINUTES = 60
RATE = 16000
CLICK = 32  # samples
SOURCE = {"source_euler": torch.zeros(3), "source_translation": torch.zeros(3)}
PERSON = SimpleNamespace(prompt=lambda: None, motion_tuning=lambda: None, tensors=lambda: SOURCE)


def write_speech(path: Path) -> None:
    """Syllables of a buzz, four a second, and a click at every full minute but the first."""
    times = np.arange(60 * RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 12))
    minute = 0.1 * buzz * (np.sin(2 * np.pi * 4 * times) > 0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        for number in range(MINUTES):
            samples = minute.copy()
            if number:
                samples[: RATE // 5] = 0
                samples[:CLICK] = 0.9
            file.writeframes((samples * 32767).astype("<i2").tobytes())


class Counting:
    """A renderer of frame numbers, whatever the motion."""

    def __init__(self) -> None:
        self.drawn = 0

    def frames(self, motion: Any) -> Any:
        for _ in motion.expression:
            yield picture(self.drawn % 2**16)
            self.drawn += 1


@pytest.mark.slow
def test_memory_is_flat_and_sound_stays_in_step(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    speech, out = tmp_path / "hour.wav", tmp_path / "hour.mp4"
    write_speech(speech)
    console = Console(quiet=True, err=io.StringIO())
    settings = RenderSettings(audio=speech)
    process, memory = psutil.Process(), {"render": [], "join": []}

    def progress(stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
        if stage in memory and done % (60 * FPS) == 0:
            memory[stage].append(process.memory_info().rss / 1e6)

    with MotionSpool() as spool:
        motion = lambda: motion_from_audio(PERSON, settings, console, progress, spool)  # noqa: E731
        frames = make_video(job(speech, out, 0, motion=motion, renderer=Counting), console, progress)
    assert frames == MINUTES * 60 * FPS
    for stage in memory:
        after = memory[stage][2:]
        slope = np.polyfit(range(len(after)), after, 1)[0]
        print(f"{stage}: {after[0]:.0f} MB after 2 min, {after[-1]:.0f} MB at the end, {slope:+.2f} MB/min")
        assert len(after) >= MINUTES - 5
        assert slope <= 1.0
    check_steps(out)


def check_steps(video: Path) -> None:
    """Every click of the sound, and every frame of the picture, is where it belongs."""
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            assert abs(frame.time - index / FPS) < 1e-6
            if index % 1499 == 0:
                assert frame.width == SIZE
                assert number_in(frame.to_ndarray(format="rgb24")) == index % 2**16
        assert index == MINUTES * 60 * FPS - 1
    drift, length = [], 0.0
    with av.open(str(video)) as container:
        before = 0.0
        for frame in container.decode(audio=0):
            heard = np.abs(frame.to_ndarray()[0])
            minute = round(frame.time / 60)
            if minute and abs(frame.time - 60 * minute) < 0.15 and heard.max() > 0.3 and minute > before:
                onset = frame.time + int(np.argmax(heard > 0.3)) / frame.sample_rate
                drift.append(onset - 60 * minute)
                before = minute
            length = frame.time + frame.samples / frame.sample_rate
    print(
        f"sound against picture at {len(drift)} minutes: {1e3 * min(drift):+.1f} to {1e3 * max(drift):+.1f} ms"
    )
    print(f"end of the sound: {1e3 * (length - 60 * MINUTES):+.1f} ms")
    assert len(drift) == MINUTES - 1
    assert max(map(abs, drift)) <= 1 / FPS
    assert abs(length - 60 * MINUTES) <= 1 / FPS
