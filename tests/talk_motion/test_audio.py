"""Reading sound: what comes out of good files, what is said about bad ones."""

import os
import wave
from pathlib import Path

import numpy as np
import pytest

from talk_motion import InputError, load_audio, read_audio
from talk_motion.audio import SoundFile

MEDIA = Path(os.environ.get("MIMICTALK_MEDIA", Path(__file__).parents[3] / "shared" / "media"))
HOSTILE = MEDIA / "hostile"
needs_media = pytest.mark.skipif(not HOSTILE.is_dir(), reason="no test media: set MIMICTALK_MEDIA")

# Wanted verdict of every hostile sound: words of the refusal, or (seconds, words of a warning; "" for none).
VERDICTS = {
    "a_20ms.wav": "0.02 s of sound",
    "a_96k_5.1_float.wav": (4.0, "6 channels are mixed"),
    "a_bad_magic.wav": "not a sound or video file",
    "a_channels_zero.wav": "0 channels",
    "a_clipped_+40dB.wav": (6.0, "clipped"),
    "a_data_size_4GiB_claimed.wav": (6.0, "header claims"),
    "a_digital_silence_6s.wav": (6.0, "silent"),
    "a_float_all_nan_1s.wav": "not numbers",
    "a_header_cut_30_bytes.wav": "not a sound or video file",
    "a_header_only_no_samples.wav": "no sound at all",
    "a_mono_8k.wav": (6.0, "8000 Hz"),
    "a_mono_8k_mulaw.wav": (6.0, "8000 Hz"),
    "a_mp3_named_wav.wav": (6.0, "its content is mp3"),
    "a_ok.flac": (6.0, ""),
    "a_random_bytes.wav": "not a sound or video file",
    "a_samplerate_zero.wav": "not a sound or video file",
    "a_truncated_body.wav": (3.0, "header claims"),
    "a_very_quiet_-55dB.wav": (6.0, "very quiet"),
    "a_white_noise_6s.wav": (6.0, "noise"),
    "a_zero_bytes.wav": "empty",
    "v_no_audio_stream.mp4": "no sound",
    "v_text_renamed.mp4": "not a sound or video file",
    "v_truncated_nomoov.mp4": "not a sound or video file",
    "v_truncated_faststart.mp4": (6.0, "damaged"),
    "v_bitflips.mp4": (12.0, "damaged"),
    "v_silent_audio_track.mp4": (8.0, "silent"),
}


def write_wav(path: Path, samples: np.ndarray, rate: int) -> Path:
    """16-bit wav of samples (n,) or (n, channels)."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def sine(seconds: float, rate: int, frequency: float = 440.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


@needs_media
@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_hostile_file_gets_its_verdict(name: str) -> None:
    wanted = VERDICTS[name]
    if isinstance(wanted, str):
        with pytest.raises(InputError) as caught:
            load_audio(HOSTILE / name)
        message = str(caught.value)
        assert wanted in message
        assert message.startswith(name)
        assert message.count("\n") <= 2
    else:
        seconds, words = wanted
        clip = read_audio(HOSTILE / name)
        assert clip.samples.size / 16000 == pytest.approx(seconds, abs=0.1)
        assert np.isfinite(clip.samples).all()
        if words:
            assert any(words in warning for warning in clip.warnings)
        else:
            assert clip.warnings == ()


@needs_media
def test_no_hostile_sound_is_left_out() -> None:
    sounds = {path.name for path in HOSTILE.glob("a_*")}
    assert sounds <= VERDICTS.keys()


def test_resampling_keeps_pitch_level_and_length(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "sine.wav", sine(1.0, 44100), 44100)
    samples = load_audio(path)
    assert samples.dtype == np.float32
    assert samples.size == pytest.approx(16000, abs=2)
    spectrum = np.abs(np.fft.rfft(samples[1000:15000]))
    assert np.argmax(spectrum) * 16000 / 14000 == pytest.approx(440, abs=2)
    assert np.sqrt((samples[1000:15000] ** 2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_opposite_channels_do_not_cancel(tmp_path: Path) -> None:
    left = sine(1.0, 16000)
    clip = read_audio(write_wav(tmp_path / "phase.wav", np.stack([left, -left], axis=1), 16000))
    assert np.abs(clip.samples).max() == pytest.approx(0.5, rel=0.02)
    assert any("cancel" in warning for warning in clip.warnings)


def write_video(path: Path, sound_starts: float, seconds: float = 2.0) -> Path:
    """A grey video from time 0 whose sound, a steady sine, starts later."""
    import av

    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        sound = out.add_stream("aac", rate=16000, layout="mono")
        for index in range(int(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
            frame.pts = index
            out.mux(video.encode(frame))
        samples = sine(seconds, 16000).astype(np.float32)
        for start in range(0, samples.size - 1024, 1024):
            frame = av.AudioFrame.from_ndarray(
                samples[None, start : start + 1024], format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 16000, start + int(sound_starts * 16000)
            out.mux(sound.encode(frame))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("late", [0.0, 0.6])
def test_sound_lies_on_the_time_base_of_the_picture(tmp_path: Path, late: float) -> None:
    samples = load_audio(write_video(tmp_path / "late.mp4", late))
    first_loud = np.argmax(np.abs(samples) > 0.25) / 16000
    assert first_loud == pytest.approx(late, abs=0.03)


def test_playlists_are_not_followed(tmp_path: Path) -> None:
    secret = write_wav(tmp_path / "secret.wav", sine(1.0, 16000), 16000)
    for name, text in (
        ("list.wav", f"ffconcat version 1.0\nfile {secret.name}\n"),
        ("list.mp4", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret.name}\n#EXT-X-ENDLIST\n"),
    ):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(InputError, match="not a sound or video file"):
            load_audio(path)


def test_missing_file_and_absurd_rate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_audio(tmp_path / "nothing.wav")
    path = write_wav(tmp_path / "x.wav", sine(1.0, 16000), 16000)
    with pytest.raises(InputError, match="too low"):
        load_audio(path, sample_rate=100)


def test_a_sound_read_in_blocks_is_the_sound(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    tone = (random.normal(size=(30_000, 2)) * 3000).astype(np.int16)
    for name, channels in (("plain", tone), ("opposite", np.stack([tone[:, 0], -tone[:, 0]], axis=1))):
        path = tmp_path / f"{name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(44100)
            file.writeframes(channels.tobytes())
        clip, sound = read_audio(path), SoundFile(path)
        assert sound.warnings == clip.warnings
        assert sound.length == len(clip.samples)
        for _ in range(2):  # it can be read again
            np.testing.assert_allclose(np.concatenate(list(sound.blocks())), clip.samples, atol=1e-6)
    with pytest.raises(InputError, match="no such file"):
        SoundFile(tmp_path / "missing.wav")


@pytest.mark.parametrize("channels", [8, 9, 33, 64])
def test_many_channels_are_mixed_to_their_mean(tmp_path: Path, channels: int) -> None:
    import wave

    rate = 16000
    levels = np.round(np.linspace(-9000, 9000, channels) + 2000).astype("<i2")  # channel k is constant
    path = tmp_path / "many.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.tile(levels, (rate // 2, 1)).tobytes())
    samples = load_audio(path)
    np.testing.assert_allclose(samples[800:-800], levels.mean() / 32768, atol=1e-4)
