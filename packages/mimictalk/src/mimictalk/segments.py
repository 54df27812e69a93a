"""Video in closed segments of two seconds, each coded on its own, joined without coding again.

Every segment begins with a key frame and knows nothing of the one before: whether it was made in the same run
or after a kill, it holds the same bytes. Sound is coded in one pass when the segments are joined; pieces of
AAC, each with its own padding, would drift from the picture.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimictalk.errors import RunError
from mimictalk.sound import SoundBlocks
from mimictalk.video_coding import FPS, SAMPLES_PER_FRAME, Coding, add_sound, sound_of_frame

FRAMES = 2 * FPS  # of a segment; the last one of a video may have fewer


def spans(total: int) -> list[tuple[int, int]]:
    """First and one past the last frame of every segment of a video of `total` frames."""
    return [(start, min(start + FRAMES, total)) for start in range(0, total, FRAMES)]


def write_segment(path: Path, frames: Iterable[np.ndarray], count: int, coding: Coding) -> Iterator[int]:
    """Code one segment; gives the number of frames written so far after each of them.

    Args:
        path: The file to write.
        frames: (height, width, channels) uint8, as `coding` takes them.
        count: How many there must be.
        coding: How.

    Raises:
        RunError: If there are fewer or more.
    """
    import av

    done = 0
    with av.open(str(path.absolute()), "w", format=coding.container) as container:
        stream = coding.add_pictures(container)
        for frame in frames:
            container.mux(stream.encode(coding.picture(frame, done)))
            done += 1
            yield done
        if done != count:
            raise RunError(path, f"{done} frames were drawn instead of {count}", "This is a bug.")
        container.mux(stream.encode(None))


def join(
    out: Path,
    segments: list[Path],
    sound: Iterable[np.ndarray] | None,
    metadata: dict[str, str],
    coding: Coding,
) -> Iterator[int]:
    """Join segments to one video with sound; gives the number of frames copied so far, now and then.

    Sound and picture start at 0; the sound ends with the last frame, or silence follows it.

    Args:
        out: The file to write.
        segments: Made by `write_segment`, in order.
        sound: (n, 2) float32 blocks at 48 kHz; None for a video without a sound track.
        metadata: Container metadata.
        coding: Of the segments.
    """
    import av

    blocks = None if sound is None else SoundBlocks(sound)
    # faststart puts the index first, so that a player can begin before it has the whole file; Matroska would
    # give every file a random name.
    options = {"fflags": "+bitexact"} if coding.container == "webm" else {"movflags": "faststart"}
    with av.open(str(out.absolute()), "w", format=coding.container, options=options) as container:
        container.metadata.update(metadata)
        video: Any = None
        audio: Any = None
        done = 0
        for segment in segments:
            with av.open(str(segment.absolute()), format=coding.container) as part:
                source = part.streams.video[0]
                if video is None:
                    video = container.add_stream_from_template(source)
                    if coding.container == "mov":  # else it would become the tag of ProRes without alpha
                        video.codec_context.codec_tag = source.codec_context.codec_tag
                    video.metadata.update(source.metadata)  # among it that VP9 has alpha
                    audio = None if blocks is None else add_sound(container, coding.sound_codec)
                assert source.time_base is not None
                first, shift = done, round(done / FPS / source.time_base)
                for packet in part.demux(source):
                    if packet.dts is None or packet.pts is None:
                        continue  # the end of the file
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, video
                    container.mux(packet)
                    if blocks is not None:
                        samples = blocks.take(SAMPLES_PER_FRAME)
                        container.mux(audio.encode(sound_of_frame(samples, done)))
                    done += 1
                assert source.frames in (0, done - first)  # Matroska does not count
            yield done
        if audio is not None:
            container.mux(audio.encode(None))
