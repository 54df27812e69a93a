"""Sound that comes through a pipe: for the motion at 16 kHz, for the video at 48 kHz, as soon as it is there.

The WAV header is read here: FFmpeg would wait for a second of sound before it gives the first sample.
"""

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np

from mimictalk.errors import InputError
from mimictalk.sound import SAMPLE_RATE

MOTION_RATE = 16000
PORTION = 4096  # bytes asked for at once; a pipe gives what is there
LONGEST_CHUNK = 1 << 20  # bytes of a chunk before the samples
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
_NO_WAV = "Send a WAV file with its header, or bare samples and --audio-format s16le."


@dataclass(frozen=True)
class SampleFormat:
    """How samples are written.

    Attributes:
        kind: "i" for whole numbers, "f" for floats, "u" for unsigned bytes.
        width: Bytes of one, 1 to 4 or 8.
        channels: 1 to 8, interleaved.
        rate: Hz, 4,000 to 192,000.
    """

    kind: Literal["i", "f", "u"]
    width: int
    channels: int
    rate: int

    def __post_init__(self) -> None:
        known = {"u": (1,), "i": (2, 3, 4), "f": (4, 8)}[self.kind]
        if self.width not in known or not 1 <= self.channels <= 8 or not 4000 <= self.rate <= 192_000:
            cause = f"its header claims {self.rate} Hz, {self.channels} channels, {8 * self.width} bits"
            raise InputError("stdin", cause, "Send 16-bit WAV of 4 to 192 kHz with 1 to 8 channels.")

    def samples(self, data: bytes) -> np.ndarray:
        """(n, channels) float32 in [-1, 1] of whole sample frames."""
        if self.width == 3:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            values = wide.view("<i4")[:, 0] / 2.0**31
        else:
            raw = np.frombuffer(data, f"<{self.kind}{self.width}")
            scale = {"u": 128.0, "i": 2.0 ** (8 * self.width - 1), "f": 1.0}[self.kind]
            values = (raw - 128.0 if self.kind == "u" else raw) / scale
        if not np.isfinite(values).all():
            raise InputError("stdin", "its samples are not numbers (NaN or infinite)", "Send 16-bit WAV.")
        return np.clip(values, -1, 1).astype(np.float32).reshape(-1, self.channels)


class Arrived:
    """Blocks of sound that have come in and were not taken yet; ends where none is there, for the moment."""

    def __init__(self) -> None:
        self.blocks: deque[np.ndarray] = deque()

    def __iter__(self) -> "Arrived":
        return self

    def __next__(self) -> np.ndarray:
        if not self.blocks:
            raise StopIteration
        return self.blocks.popleft()


class PipedSound:
    """Sound from a stream that cannot be rewound; iterating gives it in blocks for the motion.

    Args:
        stream: Binary and unbuffered: a read gives what is there.
        form: "wav", or "s16le" for bare 16 kHz mono samples of 16 bits.

    Attributes:
        arrived: (n, 2) float32 blocks at 48 kHz of everything given so far.

    Raises:
        InputError: If it does not begin as a WAV does.
    """

    def __init__(self, stream: BinaryIO, form: Literal["wav", "s16le"]) -> None:
        self._stream, self.arrived = stream, Arrived()
        self.format = SampleFormat("i", 2, 1, MOTION_RATE) if form == "s16le" else _read_header(stream)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Blocks (n,) float32 in [-1, 1] at 16 kHz, mono; `arrived` keeps pace.

        Raises:
            InputError: If nothing came, or samples are not numbers.
        """
        high, low = _Resampler(self.format.rate, SAMPLE_RATE), _Resampler(self.format.rate, MOTION_RATE)
        heard = 0
        for samples in self._blocks():
            # Of more than two channels all are mixed, as for the motion.
            mixed = samples.mean(axis=1, keepdims=True)
            stereo = samples if samples.shape[1] == 2 else np.repeat(mixed, 2, axis=1)
            self.arrived.blocks += high.push(stereo)
            for block in low.push(np.repeat(mixed, 2, axis=1)):
                heard += len(block)
                yield block[:, 0]
        if not heard:
            raise InputError("stdin", "no sound came through it", "Check the program that sends it.")
        self.arrived.blocks += high.push(None)
        for block in low.push(None):
            yield block[:, 0]

    def _blocks(self) -> Iterator[np.ndarray]:
        frame, rest = self.format.width * self.format.channels, b""
        while data := self._stream.read(PORTION):
            data = rest + data
            whole = len(data) // frame * frame
            rest = data[whole:]
            if whole:
                yield self.format.samples(data[:whole])


class _Resampler:
    """(n, 2) float32 from one rate to another, block by block."""

    def __init__(self, source: int, target: int) -> None:
        import av

        self._resampler = av.AudioResampler(format="flt", layout="stereo", rate=target)
        self._source = source

    def push(self, samples: np.ndarray | None) -> list[np.ndarray]:
        """What is ready; None asks for all that was held back."""
        import av

        frame = None
        if samples is not None:
            content = np.ascontiguousarray(samples).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(content, format="flt", layout="stereo")
            frame.sample_rate = self._source
        blocks = [block.to_ndarray().reshape(-1, 2) for block in self._resampler.resample(frame)]
        return [np.clip(block, -1, 1) for block in blocks if len(block)]


def _read_header(stream: BinaryIO) -> SampleFormat:
    """Read up to the first sample. The length of the samples is not believed: they end with the pipe."""
    riff = _exactly(stream, 12)
    if riff[:4] not in (b"RIFF", b"RF64") or riff[8:] != b"WAVE":
        raise InputError("stdin", "no WAV sound comes through it", _NO_WAV)
    found: SampleFormat | None = None
    while True:
        name, size = struct.unpack("<4sI", _exactly(stream, 8))
        if name == b"data" and found is not None:
            return found
        if name == b"data" or size > LONGEST_CHUNK:
            raise InputError("stdin", "its WAV header is damaged", _NO_WAV)
        content = _exactly(stream, size + size % 2)
        if name == b"fmt ":
            found = _format(content)


def _format(content: bytes) -> SampleFormat:
    """The format of a "fmt " chunk."""
    if len(content) < 16:
        raise InputError("stdin", "its WAV header is damaged", _NO_WAV)
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
    if tag == EXTENSIBLE and len(content) >= 26:
        (tag,) = struct.unpack("<H", content[24:26])
    if tag not in (PCM, FLOAT):
        raise InputError("stdin", "its WAV sound is compressed", "Send 16-bit WAV.")
    kind: Literal["i", "f", "u"] = "f" if tag == FLOAT else "u" if bits == 8 else "i"
    return SampleFormat(kind, bits // 8, channels, rate)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = b""
    while len(content) < size:
        data = stream.read(size - len(content))
        if not data:
            raise InputError("stdin", "no WAV sound comes through it", _NO_WAV)
        content += data
    return content
