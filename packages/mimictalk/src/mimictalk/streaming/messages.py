"""What passes between the server and the process that draws: a kind, a moment's index, bytes."""

import json
import struct
from typing import Any, BinaryIO, Literal, get_args

import numpy as np

HEAD = struct.Struct("<BqI")  # kind, index, size of what follows
TIME = struct.Struct("<d")
LARGEST = 4 * 2**20
Kind = Literal["settings", "ready", "failed", "wanted sound", "sound", "picture", "figures"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Broken(Exception):
    """The other side has gone, or does not speak this language."""


def encode(kind: Kind, index: int = 0, content: bytes = b"") -> bytes:
    """One message."""
    return HEAD.pack(KINDS.index(kind), index, len(content)) + content


def encode_facts(kind: Kind, facts: dict[str, Any]) -> bytes:
    """One message that holds JSON."""
    return encode(kind, 0, json.dumps(facts).encode())


def encode_sound(index: int, samples: np.ndarray, wanted: bool, time: float) -> bytes:
    """A moment of sound, (n,) float32 at 16 kHz.

    Args:
        index: Of the moment.
        samples: Its sound.
        wanted: Whether anybody wants its picture.
        time: When it came in, by `time.monotonic`, which all processes of a machine share.
    """
    kind: Kind = "wanted sound" if wanted else "sound"
    return encode(kind, index, TIME.pack(time) + np.ascontiguousarray(samples, np.float32).tobytes())


def sound_in(content: bytes) -> tuple[float, np.ndarray]:
    """Time and samples of a moment of sound."""
    return TIME.unpack_from(content)[0], np.frombuffer(content, np.float32, offset=TIME.size)


def head(data: bytes) -> tuple[Kind, int, int]:
    """Kind, index and size of what follows.

    Raises:
        Broken: If it is none.
    """
    number, index, size = HEAD.unpack(data)
    if number >= len(KINDS) or size > LARGEST:
        raise Broken
    return KINDS[number], index, size


def read(stream: BinaryIO) -> tuple[Kind, int, bytes]:
    """The next message of a blocking stream.

    Raises:
        Broken: If it ends.
    """
    kind, index, size = head(_exactly(stream, HEAD.size))
    return kind, index, _exactly(stream, size)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = b""
    while len(content) < size:
        data = stream.read(size - len(content))
        if not data:
            raise Broken
        content += data
    return content
