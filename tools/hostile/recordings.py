"""Whole recordings to damage: drawn pictures and computed sound, coded in many ways. Nobody is shown or heard."""

import io
import struct
import tempfile
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 16_000


def picture(number: int, height: int = 96, width: int = 128) -> np.ndarray:
    """(H, W, 3) uint8: a bright disc that wanders over a gradient."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    shade = 60 + 80 * columns / max(width, 1) + 40 * rows / max(height, 1)
    y, x = height * (0.5 + 0.3 * np.sin(number / 7)), width * (0.5 + 0.3 * np.cos(number / 5))
    disc = (rows - y) ** 2 + (columns - x) ** 2 < (0.2 * min(height, width)) ** 2
    grey = np.where(disc, 230, shade)
    return np.stack([grey, 0.8 * grey, 255 - grey], -1).astype(np.uint8)


def tone(seconds: float, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """(n, channels) float32: syllables of a hum, five a second."""
    time = np.arange(round(seconds * rate)) / rate
    hum = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 9))
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time), 0, 1) ** 2
    return np.repeat((0.2 * hum * syllables).astype(np.float32)[:, None], channels, axis=1)


@cache
def video(
    codec: str = "libx264",
    container: str = "mp4",
    *,
    frames: int = 50,
    height: int = 96,
    width: int = 128,
    pixels: str = "yuv420p",
    rate: Fraction | int = 25,
    sound: bool = True,
    options: tuple[tuple[str, str], ...] = (),
    muxer: tuple[tuple[str, str], ...] = (),
    rotation: int = 0,
    varying: bool = False,
) -> bytes:
    """A recording of `picture` and `tone` as the bytes of a file.

    Args:
        codec: Video encoder; "" for sound alone.
        container: Format.
        frames, height, width, pixels, rate: Of the picture.
        sound: With a sound track.
        options: Of the encoder.
        muxer: Of the container.
        rotation: Degrees that a player is told to turn the picture.
        varying: Frames come at uneven times.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"  # a file: an index is moved to its beginning by reading it again
        _record(
            path,
            codec,
            container,
            frames,
            height,
            width,
            pixels,
            rate,
            sound,
            options,
            muxer,
            rotation,
            varying,
        )
        return path.read_bytes()


def _record(path: Path, codec: str, container: str, frames: int, height: int, width: int, pixels: str,
            rate: Fraction | int, sound: bool, options: Any, muxer: Any, rotation: int, varying: bool) -> None:  # fmt: skip
    with av.open(str(path), "w", format=container, options=dict(muxer)) as file:
        stream: Any = file.add_stream(codec, rate=rate, options=dict(options)) if codec else None
        if stream is not None:
            stream.height, stream.width, stream.pix_fmt = height, width, pixels
            if varying:
                stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            if rotation:
                stream.set_display_rotation(rotation)
        heard: Any = (
            file.add_stream("aac" if container in ("mp4", "mov") else "mp2", rate=RATE) if sound else None
        )
        if heard is not None:
            heard.layout = "mono"
        for number in range(frames if stream is not None else 0):
            frame = av.VideoFrame.from_ndarray(picture(number, height, width), format="rgb24").reformat(
                format=pixels
            )
            if varying:
                frame.pts, frame.time_base = 40 * number + (17 * number) % 31, Fraction(1, 1000)
            file.mux(stream.encode(frame))
        if heard is not None:
            for block in _blocks(heard, tone(frames / 25)):
                file.mux(heard.encode(block))
        for one in (stream, heard):
            if one is not None:
                file.mux(one.encode(None))


def _blocks(stream: Any, samples: np.ndarray, rate: int = RATE) -> list[av.AudioFrame]:
    """(n, 1) samples in blocks of the size and format that an encoder takes."""
    context = stream.codec_context
    if not context.is_open:
        context.open()
    resampler = av.AudioResampler(context.format.name, "mono", rate, context.frame_size or 1024)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="flt", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    return [*resampler.resample(frame), *resampler.resample(None)]


def wav(
    samples: np.ndarray,
    rate: int = RATE,
    *,
    bits: int = 16,
    kind: int | None = None,
    channels: int | None = None,
    data_bytes: int | None = None,
    riff: bytes = b"RIFF",
    align: int | None = None,
) -> bytes:
    """A WAV file whose header says what it is told to.

    Args:
        samples: (n, channels) float32; written as `bits` (16 PCM, 32 float, 8 unsigned, 24 PCM).
        rate, bits, kind, channels, data_bytes, riff, align: What the header claims; None for the truth.
    """
    if bits == 32:
        body = samples.astype("<f4").tobytes()
    elif bits == 24:
        body = (
            np.ascontiguousarray((samples * 8e6).astype("<i4")).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        )
    elif bits == 8:
        body = (samples * 127 + 128).astype(np.uint8).tobytes()
    else:
        body = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    count = samples.shape[1] if channels is None else channels
    kind = (3 if bits == 32 else 1) if kind is None else kind
    step = count * max(bits // 8, 1) if align is None else align
    said = len(body) if data_bytes is None else data_bytes
    head = struct.pack(
        "<HHIIHH", kind, count & 0xFFFF, rate & 0xFFFFFFFF, rate * step & 0xFFFFFFFF, step & 0xFFFF, bits
    )
    chunks = (
        b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", said & 0xFFFFFFFF) + body
    )
    return riff + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def sound_file(codec: str, container: str, seconds: float = 2.0, rate: int = RATE) -> bytes:
    """`tone` in another coding."""
    held = io.BytesIO()
    with av.open(held, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        for block in _blocks(stream, tone(seconds, rate), rate):
            file.mux(stream.encode(block))
        file.mux(stream.encode(None))
    return held.getvalue()
