"""Synthetic clips for the trust bench, and what happens to videos on their way to somebody."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageFilter

SIDE = 512
Frames = list[np.ndarray]


def clip(seed: int, count: int) -> Frames:
    """A textured head that sways before a wall, another in every clip, (512, 512, 3) uint8."""
    rng = np.random.default_rng(seed)
    wall = _cloud(rng, int(rng.integers(2, 24)), rng.uniform(2, 40), rng.uniform(20, 230))
    skin = _cloud(rng, int(rng.integers(16, 120)), rng.uniform(2, 20), rng.uniform(60, 220))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    height, width, sway = rng.uniform(120, 200), rng.uniform(90, 150), rng.uniform(0, 20)
    colour, noise = rng.uniform(0.7, 1, 3), rng.uniform(0, 2)
    frames = []
    for index in range(count):
        moved = sway * np.sin(index / 9)
        inside = ((rows - 270) / height) ** 2 + ((columns - 256 - moved) / width) ** 2 < 1
        mouth = ((rows - 350) / (4 + 12 * abs(np.sin(index / 3)))) ** 2 + (
            (columns - 256 - moved) / 40
        ) ** 2 < 1
        grey = np.where(inside, np.roll(skin, round(moved), 1), wall)
        grey = np.where(mouth, 30, grey) + rng.normal(0, noise, (SIDE, SIDE))
        frames.append(np.clip(grey[..., None] * colour, 0, 255).astype(np.uint8))
    return frames


def coded(frames: Frames, crf: int, codec: str = "libx264") -> bytes:
    """An mp4 of frames."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = (
            {"crf": str(crf), "preset": "veryfast"} if codec == "libx264" else {"qscale": str(crf)}
        )
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def decoded(content: bytes) -> Frames:
    """The frames of a video, (height, width, 3) uint8."""
    with av.open(io.BytesIO(content)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def remuxed(content: bytes) -> bytes:
    """The same packets in another container, without metadata."""
    file = io.BytesIO()
    with av.open(io.BytesIO(content)) as source, av.open(file, "w", format="matroska") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return file.getvalue()


def _scaled(frames: Frames) -> Frames:
    smooth, side = Image.Resampling.BICUBIC, frames[0].shape[0] * 3 // 4
    return [np.asarray(Image.fromarray(frame).resize((side, side), smooth)) for frame in frames]


def _cropped(frames: Frames) -> Frames:
    """Without a tenth of width and of height; the place comes from the picture itself."""
    kept = frames[0].shape[0] * 9 // 20 * 2  # even, as codecs want it
    most = frames[0].shape[0] - kept
    down, right = int(frames[0][0, 0, 0]) % most, int(frames[0][0, 1, 1]) % most
    return [frame[down : down + kept, right : right + kept] for frame in frames]


def _blurred(frames: Frames) -> Frames:
    return [np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(1.5))) for frame in frames]


ATTACKS: dict[str, Callable[[bytes], Frames]] = {
    "as written": decoded,
    "remux": lambda content: decoded(remuxed(content)),
    "H.264 CRF 23": lambda content: decoded(coded(decoded(content), 23)),
    "H.264 CRF 28": lambda content: decoded(coded(decoded(content), 28)),
    "H.264 CRF 35": lambda content: decoded(coded(decoded(content), 35)),
    "MPEG-4 part 2, quality 6": lambda content: decoded(coded(decoded(content), 6, "mpeg4")),
    "twice: CRF 28, then 23": lambda content: decoded(coded(decoded(coded(decoded(content), 28)), 23)),
    "scale 0.75, CRF 23": lambda content: decoded(coded(_scaled(decoded(content)), 23)),
    "scale 0.75, CRF 28": lambda content: decoded(coded(_scaled(decoded(content)), 28)),
    "crop 10 %, CRF 23": lambda content: decoded(coded(_cropped(decoded(content)), 23)),
    "crop 10 %, CRF 28": lambda content: decoded(coded(_cropped(decoded(content)), 28)),
    "blur 1.5 px, CRF 23": lambda content: decoded(coded(_blurred(decoded(content)), 23)),
}


def changed_byte(content: bytes, place: int, bit: int) -> bytes:
    """The content with one bit of one byte turned over."""
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def media_bytes(path: Path) -> list[range]:
    """Where an mp4 keeps index, picture and sound (boxes moov and mdat; ISO/IEC 14496-12, section 4.2)."""
    content, at, found = path.read_bytes(), 0, []
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] in (b"moov", b"mdat"):
            found.append(range(at + 8, at + size))
        at += size
    return found


def _cloud(rng: np.random.Generator, cells: int, contrast: float, mean: float) -> np.ndarray:
    """Smooth noise, (512, 512): `cells` bumps along a side."""
    small = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return mean + contrast * np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
