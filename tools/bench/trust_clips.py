"""Synthetic clips for the trust bench, and what happens to videos on their way to somebody.

Attacks take an mp4 and give another file. What is coded again is passed on as the decoder gives it (yuv420p), and
coded by one thread: x264's preset veryfast, else the codec's own settings.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageFilter

SIDE = 512
Pictures = list[np.ndarray]


def clip(seed: int, count: int) -> Pictures:
    """A textured head that sways before a wall, another in every clip, (512, 512, 3) uint8."""
    rng = np.random.default_rng(seed)
    wall = cloud(rng, int(rng.integers(2, 24)), rng.uniform(2, 40), rng.uniform(20, 230))
    skin = cloud(rng, int(rng.integers(16, 120)), rng.uniform(2, 20), rng.uniform(60, 220))
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


def halved(picture: np.ndarray) -> np.ndarray:
    """The means of 2 x 2 pixels of a picture (2h, 2w, 3) uint8: (h, w, 3) uint8."""
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    return np.rint(picture.reshape(rows, 2, columns, 2, 3).mean((1, 3))).astype(np.uint8)


def coded(frames: Sequence[np.ndarray | av.VideoFrame], crf: int, codec: str = "libx264") -> bytes:
    """An mp4 of frames: pictures (height, width, 3) uint8, or what a decoder gave."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=25)
        first = frames[0]
        stream.width, stream.height = first.shape[1::-1] if isinstance(first, np.ndarray) else _size(first)
        stream.pix_fmt = "yuv420p"
        stream.options = (
            {"crf": str(crf), "preset": "veryfast"} if codec == "libx264" else {"qscale": str(crf)}
        )
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(frames):
            if isinstance(frame, np.ndarray):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
            frame.pict_type = 0  # else the encoder would copy the kinds of the last one's frames
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@lru_cache(2)  # several attacks begin with the same file
def decoded(content: bytes) -> tuple[av.VideoFrame, ...]:
    """The frames of a video."""
    with av.open(io.BytesIO(content)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return tuple(container.decode(video=0))


def brightness(content: bytes) -> Pictures:
    """(height, width) uint8 of a video's frames, as `mimictalk verify` looks at them."""
    return [frame.to_ndarray(format="gray") for frame in decoded(content)]


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


@lru_cache(1)
def _again(content: bytes, crf: int) -> bytes:
    return coded(decoded(content), crf)


def _scaled(content: bytes, crf: int) -> bytes:
    frames = decoded(content)
    width, height = (side * 3 // 4 for side in _size(frames[0]))
    return coded([frame.reformat(width, height, interpolation="BICUBIC") for frame in frames], crf)


def _cropped(content: bytes, crf: int) -> bytes:
    """Without a tenth of width and of height; the place comes from the picture itself."""
    frames = _pictures(content)
    first = frames[0]
    kept = [side * 9 // 20 * 2 for side in first.shape[:2]]  # even, as codecs want it
    down, right = (int(first[0, i, i]) % (first.shape[i] - kept[i]) for i in (0, 1))
    return coded([frame[down : down + kept[0], right : right + kept[1]] for frame in frames], crf)


def _blurred(content: bytes, crf: int) -> bytes:
    smooth = ImageFilter.GaussianBlur(1.5)
    return coded([np.asarray(Image.fromarray(frame).filter(smooth)) for frame in _pictures(content)], crf)


def _pictures(content: bytes) -> Pictures:
    return [frame.to_ndarray(format="rgb24") for frame in decoded(content)]


def _size(frame: av.VideoFrame) -> tuple[int, int]:
    return frame.width, frame.height


ATTACKS: dict[str, Callable[[bytes], bytes]] = {
    "as written": bytes,
    "remux": remuxed,
    "H.264 CRF 28": lambda content: _again(content, 28),
    "twice: CRF 28, then 23": lambda content: _again(_again(content, 28), 23),
    "H.264 CRF 23": lambda content: _again(content, 23),
    "H.264 CRF 35": lambda content: _again(content, 35),
    "MPEG-4 part 2, quality 6": lambda content: coded(decoded(content), 6, "mpeg4"),
    "scale 0.75, CRF 23": lambda content: _scaled(content, 23),
    "scale 0.75, CRF 28": lambda content: _scaled(content, 28),
    "crop 10 %, CRF 23": lambda content: _cropped(content, 23),
    "crop 10 %, CRF 28": lambda content: _cropped(content, 28),
    "blur 1.5 px, CRF 23": lambda content: _blurred(content, 23),
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


def cloud(rng: np.random.Generator, cells: int, contrast: float, mean: float) -> np.ndarray:
    """Smooth noise, (512, 512): `cells` bumps along a side."""
    small = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return mean + contrast * np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
