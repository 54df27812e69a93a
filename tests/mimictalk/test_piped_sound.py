"""Sound from a pipe: the same samples as from the file, as soon as they are there."""

import io
import os
import struct
import threading
import wave

import numpy as np
import pytest

from mimictalk.errors import InputError
from mimictalk.piped_sound import PipedSound
from mimictalk.sound import SAMPLE_RATE


def wav(samples: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return np.repeat(0.5 * np.sin(2 * np.pi * 440 * times)[:, None], channels, axis=1)


def amplitude(samples: np.ndarray, rate: int) -> float:
    """Of 440 Hz, away from the ends."""
    inner = samples[rate // 10 : rate // 10 + rate // 2]
    return 2 * abs(np.mean(inner * np.exp(-2j * np.pi * 440 * np.arange(len(inner)) / rate)))


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1), (48000, 2)])
def test_both_rates(rate, channels):
    sound = PipedSound(io.BytesIO(wav(tone(1.0, rate, channels), rate)), "wav")
    low = np.concatenate(list(sound))
    high = np.concatenate(list(sound.arrived))
    assert abs(len(low) - 16000) <= 1
    assert abs(len(high) - SAMPLE_RATE) <= 2
    assert high.shape[1] == 2
    assert amplitude(low, 16000) == pytest.approx(0.5, rel=0.02)
    assert amplitude(high[:, 0], SAMPLE_RATE) == pytest.approx(0.5, rel=0.02)
    assert amplitude(high[:, 1], SAMPLE_RATE) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "tag", "bits"),
    [("u1", 1, 8), ("<i2", 1, 16), ("i3", 1, 24), ("<i4", 1, 32), ("<f4", 3, 32), ("<f8", 3, 64)],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_every_width(kind, tag, bits, extensible):
    wanted = tone(0.1, 16000)[:, 0]
    if kind == "i3":
        data = (wanted * (2**23 - 1)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    elif kind[1] == "f":
        data = wanted.astype(kind).tobytes()
    else:
        data = (wanted * (2 ** (bits - 1) - 1) + (128 if bits == 8 else 0)).astype(kind).tobytes()
    about = (1, 16000, 2000 * bits, bits // 8, bits)
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, *about)
    if extensible:
        form += struct.pack("<HHIH14x", 22, bits, 4, tag)
    chunks = b"LIST\x03\0\0\0abc\0" + b"fmt " + struct.pack("<I", len(form)) + form + b"data\xff\xff\xff\xff"
    sound = PipedSound(io.BytesIO(b"RIFF\xff\xff\xff\xffWAVE" + chunks + data), "wav")
    np.testing.assert_allclose(np.concatenate(list(sound)), wanted, atol=0.02 if bits == 8 else 1e-4)


def test_bare_samples():
    samples = (tone(0.5, 16000)[:, 0] * 32767).astype("<i2")
    low = np.concatenate(list(PipedSound(io.BytesIO(samples.tobytes()), "s16le")))
    np.testing.assert_allclose(low, samples / 32768, atol=1e-4)


@pytest.mark.parametrize("form", ["wav", "s16le"])
def test_sound_is_given_before_the_pipe_ends(form):
    """The sender waits with its second half until the first half of the sound was heard."""
    content = wav(tone(1.0, 16000), 16000)
    content = content if form == "wav" else content[44:]
    reader, writer = os.pipe()
    heard_half = threading.Event()
    waited: list[bool] = []

    def send() -> None:
        with os.fdopen(writer, "wb", buffering=0) as pipe:
            pipe.write(content[: len(content) // 2])
            waited.append(heard_half.wait(timeout=20))
            pipe.write(content[len(content) // 2 :])

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    total = 0
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        for block in PipedSound(pipe, form):
            total += len(block)
            if total >= 6000:
                heard_half.set()
    sender.join(timeout=20)
    assert waited == [True]
    assert total == 16000


def test_a_length_that_is_not_known_yet():
    """Programs that write WAV into a pipe cannot go back to fill in its length."""
    content = bytearray(wav(tone(0.5, 16000), 16000))
    content[4:8] = content[40:44] = b"\xff" * 4
    assert sum(map(len, PipedSound(io.BytesIO(bytes(content)), "wav"))) == 8000


@pytest.mark.parametrize(
    "content", [b"", b"#EXTM3U\nhttp://127.0.0.1/a", b"ffconcat version 1.0\nfile a.mp4\n", b"\0" * 9999]
)
def test_what_is_no_sound_is_told(content):
    with pytest.raises(InputError) as caught:
        list(PipedSound(io.BytesIO(content), "wav"))
    assert str(caught.value).splitlines()[0] in (
        "stdin: no WAV sound comes through it",
        "stdin: no sound came through it",
    )


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (20, b"\x55\0", "its WAV sound is compressed"),
        (22, b"\0\0", "its header claims 16000 Hz, 0 channels, 16 bits"),
        (24, b"\0\0\0\0", "its header claims 0 Hz, 1 channels, 16 bits"),
        (34, b"\x07\0", "its header claims 16000 Hz, 1 channels, 0 bits"),
        (16, b"\xff\xff\xff\x7f", "its WAV header is damaged"),
        (12, b"data", "its WAV header is damaged"),
    ],
)
def test_a_damaged_header_is_told(place, value, words):
    content = bytearray(wav(tone(0.1, 16000), 16000))
    content[place : place + len(value)] = value
    with pytest.raises(InputError) as caught:
        PipedSound(io.BytesIO(bytes(content)), "wav")
    assert str(caught.value).startswith(f"stdin: {words}\n")


def test_no_sample_at_all_is_told():
    with pytest.raises(InputError, match="stdin: no sound came through it"):
        list(PipedSound(io.BytesIO(b""), "s16le"))


def test_numbers_that_are_none_are_told():
    header = bytearray(wav(np.zeros((1600, 1)), 16000)[:44])
    header[20:22], header[32:36] = b"\x03\x00", b"\x04\x00\x20\x00"  # float, 4 bytes, 32 bits
    header[28:32] = (64000).to_bytes(4, "little")
    content = bytes(header) + np.full(800, np.nan, "<f4").tobytes()
    with pytest.raises(InputError, match="its samples are not numbers"):
        list(PipedSound(io.BytesIO(content), "wav"))
