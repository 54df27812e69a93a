"""Segments of PNG pictures as a folder of files, each with its mark, and the sound beside them."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mimictalk.sound import SoundBlocks
from mimictalk.video_coding import SAMPLES_PER_FRAME, add_sound, sound_of_frame

SOUND = "sound.wav"
HEADER = 33  # bytes of a PNG up to the end of its first chunk, IHDR


def write_sequence(
    folder: Path,
    pattern: str,
    segments: list[Path],
    sound: Iterable[np.ndarray] | None,
    metadata: dict[str, str],
) -> Iterator[int]:
    """Write the pictures of segments as files; gives the number of files written so far, now and then.

    Args:
        folder: To make.
        pattern: Of the files' names, such as "%05d.png"; the first has number 0.
        segments: Made by `write_segment` with PNG as their coding, in order.
        sound: (n, 2) float32 blocks at 48 kHz; it ends with the last picture, or silence follows it.
        metadata: Of every picture and of the sound.
    """
    import av

    folder.mkdir()
    text = b"".join(text_chunk(keyword.capitalize(), words) for keyword, words in metadata.items())
    done = 0
    for segment in segments:
        with av.open(str(segment.absolute()), format="mov") as part:
            for packet in part.demux(part.streams.video[0]):
                if packet.pts is None:
                    continue  # the end of the file
                picture = bytes(packet)
                (folder / (pattern % done)).write_bytes(picture[:HEADER] + text + picture[HEADER:])
                done += 1
        yield done
    if sound is not None:
        _write_sound(folder / SOUND, SoundBlocks(sound), done, metadata)


def text_chunk(keyword: str, text: str) -> bytes:
    """An iTXt chunk, uncompressed (PNG specification, third edition, 11.3.3.4).

    Args:
        keyword: 1 to 79 Latin letters.
        text: Any.
    """
    content = b"iTXt" + keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _write_sound(path: Path, blocks: SoundBlocks, frames: int, metadata: dict[str, str]) -> None:
    import av

    with av.open(str(path.absolute()), "w", format="wav") as container:
        container.metadata.update(metadata)
        audio = add_sound(container, "pcm_s16le")
        for frame in range(frames):
            container.mux(audio.encode(sound_of_frame(blocks.take(SAMPLES_PER_FRAME), frame)))
        container.mux(audio.encode(None))
