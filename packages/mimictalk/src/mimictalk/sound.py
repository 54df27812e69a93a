"""Sound for the output file: any audio stream, as 48 kHz blocks that start with the first picture."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimictalk.errors import InputError
from mimictalk.media import CODECS, open_media

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

SAMPLE_RATE = 48000
LARGEST_HOLE = 600 * SAMPLE_RATE  # a longer one is a broken time stamp, not a pause
SMALLEST_HOLE = SAMPLE_RATE // 50  # time stamps of some containers jitter by less


def has_sound(path: Path) -> bool:
    """Whether a media file has an audio stream."""
    with open_media(path) as container:
        return bool(container.streams.audio)


def read_sound(path: Path) -> Iterator[np.ndarray]:
    """Decode the first audio stream of a file block by block, in step with its picture.

    Sample 0 belongs to the first video frame where there is one (as in `talk_motion.load_audio`): earlier
    sound is dropped, and before a later beginning and in holes there is silence.

    Args:
        path: A video or sound file.

    Yields:
        (n, 2) float32 in [-1, 1], 48 kHz; mono sound on both channels.

    Raises:
        InputError: If there is no decodable sound.
    """
    import av

    with open_media(path) as container:
        if not container.streams.audio:
            raise InputError(path, "it has no sound", "Give a file with a sound track.")
        stream = container.streams.audio[0]
        codec = stream.codec_context.name if stream.codec_context is not None else "unknown"
        if codec not in CODECS:
            cause = f"its sound codec {codec!r} is not supported"
            raise InputError(path, cause, "Convert it to WAV.")
        # FFmpeg would make one channel 3 dB quieter to spread it over two: it is doubled here instead.
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="flt", layout=layout, rate=SAMPLE_RATE)
        origin, filled = _first_picture(container), 0
        for frame in _frames(container):
            try:
                blocks = resampler.resample(frame)
            except ValueError:  # another rate or layout in the middle: an altered byte, a hole
                continue
            for block in blocks:
                time = block.time or 0.0
                origin = time if origin is None else origin
                hole = round((time - origin) * SAMPLE_RATE) - filled
                if SMALLEST_HOLE < hole < LARGEST_HOLE:
                    filled += hole
                    for start in range(0, hole, SAMPLE_RATE):
                        yield np.zeros((min(SAMPLE_RATE, hole - start), 2), np.float32)
                samples = _stereo(block)
                samples = samples[min(max(-hole, 0), len(samples)) if filled == 0 else 0 :]
                filled += len(samples)
                yield samples
        if not filled:
            raise InputError(path, "its sound cannot be decoded", "Convert it to WAV.")
        for block in resampler.resample(None):
            yield _stereo(block)


def sound_length(path: Path) -> int:
    """Samples at 48 kHz of what `read_sound` gives; all of it is decoded to know.

    Raises:
        InputError: If there is no decodable sound.
    """
    return sum(len(block) for block in read_sound(path))


class SoundBlocks:
    """Cut a stream of sound blocks of any length into blocks of a wanted length, silence after the end.

    Args:
        blocks: (n, 2) float32 each.
    """

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        self._blocks, self._rest = iter(blocks), np.zeros((0, 2), np.float32)

    def more(self) -> bool:
        """Whether a sample is left."""
        self._fill(1)
        return len(self._rest) > 0

    def take(self, samples: int) -> np.ndarray:
        """The next (samples, 2) float32."""
        self._fill(samples)
        block, self._rest = self._rest[:samples], self._rest[samples:]
        return np.pad(block, ((0, samples - len(block)), (0, 0)))

    def _fill(self, samples: int) -> None:
        while len(self._rest) < samples:
            block = next(self._blocks, None)
            if block is None:
                return
            self._rest = np.concatenate([self._rest, block])


def _stereo(block: "av.AudioFrame") -> np.ndarray:
    samples = block.to_ndarray().reshape(-1, len(block.layout.channels))
    return np.clip(np.nan_to_num(np.broadcast_to(samples, (len(samples), 2))), -1, 1)


def _frames(container: "InputContainer") -> Iterator["av.AudioFrame"]:
    """Decoded frames; a damaged packet is left out and becomes a hole."""
    import av

    try:
        for packet in container.demux(container.streams.audio[0]):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue
    except av.error.FFmpegError:
        return


def _first_picture(container: "InputContainer") -> float | None:
    if not container.streams.video:
        return None
    video = container.streams.video[0]
    return float((video.start_time or 0) * (video.time_base or 0))
