"""The sound track for the output is in step with the picture, and says so when there is none."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mimictalk.errors import InputError
from mimictalk.sound import SAMPLE_RATE, has_sound, read_sound


def write_clip(path: Path, *, video_from: float, audio_from: float, click: float, hole: float = 0.0) -> Path:
    """3 s of video and PCM sound in Matroska, which keeps time stamps as they are.

    The click comes `click` s after the sound began, `hole` s of packets before it are left out.
    """
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for index in range(75):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(video_from * 1000) + 40 * index, Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        samples = np.zeros(48000, np.int16)
        samples[round(click * 16000) :][:48] = 20000
        for begin in range(0, len(samples), 1600):
            if 0 <= click - begin / 16000 - 0.1 < hole:
                continue
            block = av.AudioFrame.from_ndarray(
                samples[None, begin : begin + 1600], format="s16", layout="mono"
            )
            block.sample_rate, block.time_base = 16000, Fraction(1, 16000)
            block.pts = round(audio_from * 16000) + begin
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))
    return path


def click_time(path: Path) -> float:
    samples = np.concatenate(list(read_sound(path)))
    return float(np.flatnonzero(np.abs(samples[:, 0]) > 0.2)[0]) / SAMPLE_RATE


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (44100, 2), (96000, 2)])
def test_any_rate_becomes_48_khz_stereo(here, write_wav, rate, channels):
    times = np.arange(rate) / rate
    tone = np.repeat(0.5 * np.sin(2 * np.pi * 200 * times)[:, None], channels, axis=1)
    blocks = list(read_sound(write_wav(here / "a.wav", tone, rate)))
    samples = np.concatenate(blocks)
    assert samples.dtype == np.float32
    assert samples.shape[1] == 2
    assert abs(len(samples) - SAMPLE_RATE) <= 48
    wanted = 0.5 * np.sin(2 * np.pi * 200 * np.arange(len(samples)) / SAMPLE_RATE)
    # The resampler's window rings at both ends.
    assert np.abs(samples[2000:-2000, 0] - wanted[2000:-2000]).max() < 0.01
    assert np.array_equal(samples[:, 0], samples[:, 1])


@pytest.mark.parametrize(
    ("video_from", "audio_from", "hole", "wanted"),
    [
        (0.0, 0.0, 0.0, 1.0),
        (0.08, 0.0, 0.0, 0.92),  # sound from before the first picture is dropped
        (0.0, 0.6, 0.0, 1.6),  # silence before a late sound
        (1.52, 1.52, 0.0, 1.0),  # a clip cut out of a longer one
        (0.0, 0.0, 0.5, 1.0),  # lost packets become silence and shift nothing
    ],
)
def test_sound_follows_the_pictures_clock(here, video_from, audio_from, hole, wanted):
    clip = write_clip(here / "a.mkv", video_from=video_from, audio_from=audio_from, click=1.0, hole=hole)
    assert click_time(clip) == pytest.approx(wanted, abs=0.005)


def test_the_motion_hears_the_same_click_at_the_same_time(here):
    audio = pytest.importorskip("talk_motion.audio")
    clip = write_clip(here / "a.mkv", video_from=0.08, audio_from=0.0, click=1.0)
    heard = audio.load_audio(clip)
    assert np.flatnonzero(np.abs(heard) > 0.2)[0] / 16000 == pytest.approx(click_time(clip), abs=0.002)


def test_has_sound(here):
    write_clip(here / "a.mkv", video_from=0, audio_from=0, click=1)
    assert has_sound(here / "a.mkv")
    with av.open(str(here / "b.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        container.mux(
            stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24"))
        )
        container.mux(stream.encode(None))
    assert not has_sound(here / "b.mp4")
    with pytest.raises(InputError) as caught:
        list(read_sound(here / "b.mp4"))
    assert str(caught.value) == f"{here / 'b.mp4'}: it has no sound\nGive a file with a sound track."
