"""Pictures of users, decoded where they can do no harm: in a child process with limits (`picture_probe`)."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimictalk.errors import InputError, RunError
from mimictalk.examination import probe_failed, run_confined, too_much_memory
from mimictalk.media_probe import Limits

if TYPE_CHECKING:
    from face3dmm import Picture

LIMITS = Limits(memory=3_000_000_000)
MOST_PIXELS = 89_000_000  # as face3dmm reads
AT_ONCE = 48  # pictures that one process is asked for
LONGEST = 300  # letters of a sentence that are believed


@dataclass(frozen=True, eq=False)
class MarkedPicture:
    """What a picture file carries in which marks may be.

    Attributes:
        format: As Pillow names it.
        texts: In its metadata.
        grey: (H, W) float32 brightness, 0 to 255, at most 1280 pixels a side.
    """

    format: str
    texts: dict[str, str]
    grey: np.ndarray


def read_portrait(path: Path) -> "Picture":
    """`face3dmm.read_picture` in a confined process: the same picture, the same errors.

    Raises:
        InputError: If it cannot be used, or makes its decoder crash, hang or run out of memory.
    """
    from face3dmm.decoding import check_file
    from face3dmm.pictures import Picture

    check_file(path, "a picture such as portrait.jpg")
    ((facts, pixels),) = _decoded("portrait", [path])
    return Picture(_shaped(path, pixels, 3), tuple(_words(one) for one in facts.get("warnings", ())))


def read_background(path: Path) -> np.ndarray:
    """(512, 512, 3) uint8 RGB: a picture, cropped to a square.

    Raises:
        InputError: As `read_portrait`.
    """
    ((_, pixels),) = _decoded("background", [path])
    return _shaped(path, pixels, 3)


def read_marked_pictures(paths: Sequence[Path]) -> Iterator[MarkedPicture]:
    """What pictures carry, one after another.

    Raises:
        InputError: As `read_portrait`.
    """
    for first in range(0, len(paths), AT_ONCE):
        some = paths[first : first + AT_ONCE]
        for path, (facts, pixels) in zip(some, _decoded("marks", some), strict=True):
            texts = {str(key): str(value) for key, value in dict(facts["texts"]).items()}
            grey = _shaped(path, pixels, 1)[..., 0].astype(np.float32)
            yield MarkedPicture(_words(facts["format"]), texts, grey)


Answer = tuple[dict[str, Any], tuple[tuple[int, ...], bytes]]


def _decoded(how: str, paths: Sequence[Path]) -> list[Answer]:
    """The answers of one process: facts, and shape and bytes of the pixels, of each picture."""
    subject = paths[0] if len(paths) == 1 else paths[0].parent
    names = [str(path.absolute()) for path in paths]
    done = run_confined(subject, "mimictalk.picture_probe", LIMITS, how, *names)
    answers: list[Answer] = []
    at = 0
    for path in paths:
        try:
            end = done.stdout.index(b"\n", at)
            facts = dict(json.loads(done.stdout[at:end]))
            if "memory" in facts:
                raise too_much_memory(path, LIMITS)
            if "cause" in facts:
                raise InputError(path, *map(_words, (facts["cause"], facts["cure"])))
            shape = tuple(int(side) for side in facts["shape"])
            size = math.prod(shape)
            if min(shape) < 1 or size > 3 * MOST_PIXELS or end + 1 + size > len(done.stdout):
                raise probe_failed(path, done.returncode)
            answers.append((facts, (shape, done.stdout[end + 1 : end + 1 + size])))
            at = end + 1 + size
        except (InputError, RunError):
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise probe_failed(path, done.returncode) from error
    return answers


def _shaped(path: Path, pixels: tuple[tuple[int, ...], bytes], channels: int) -> np.ndarray:
    """(H, W, channels) uint8 of bytes that another process gave."""
    shape, content = pixels
    shape = shape if len(shape) == 3 else (*shape, 1)
    if len(shape) != 3 or shape[2] != channels:
        raise probe_failed(path, 0)
    return np.frombuffer(content, np.uint8).reshape(shape).copy()


def _words(text: object) -> str:
    """A sentence of a process that a picture may have taken over: printable, and not too long."""
    return "".join(letter for letter in str(text)[:LONGEST] if letter.isprintable())
