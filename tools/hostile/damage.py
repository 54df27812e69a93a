"""Damage to the bytes of a file."""

import random
import struct


def cut(data: bytes, share: float) -> bytes:
    """The beginning of a file."""
    return data[: int(len(data) * share)]


def flipped(data: bytes, seed: int, bits: int, first: int = 0) -> bytes:
    """With some bits changed, none before byte `first`."""
    draw, changed = random.Random(seed), bytearray(data)
    for _ in range(bits):
        changed[draw.randrange(min(first, len(data) - 1), len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def box_number(data: bytes, box: bytes, offset: int, value: int, size: int = 4) -> bytes:
    """An mp4 file with a number of a box replaced, counted from behind the box's name; all boxes of that name."""
    changed, at = bytearray(data), data.find(box)
    while at >= 0:
        place = at + 4 + offset
        changed[place : place + size] = value.to_bytes(size, "big")
        at = data.find(box, at + 4)
    return bytes(changed)


def box_size(data: bytes, box: bytes, value: int) -> bytes:
    """An mp4 file with the first box of a name claiming another size."""
    at = data.find(box)
    return data[: at - 4] + struct.pack(">I", value) + data[at:]


def renamed(data: bytes, box: bytes, name: bytes) -> bytes:
    """An mp4 file whose boxes of one name have another."""
    return data.replace(box, name)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """One to eight random edits, of the kinds that broken disks, broken programs and attackers make."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        at = draw.randrange(len(changed)) if changed else 0
        kind = draw.randrange(7)
        if kind <= 1 and changed:
            changed[at] ^= 1 << draw.randrange(8)
        elif kind == 2:
            changed[at : at + 4] = draw.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)).to_bytes(4, "big")
        elif kind == 3:
            changed[at : at + 8] = draw.randbytes(8)
        elif kind == 4:
            del changed[at : at + draw.randrange(1, 64)]
        elif kind == 5:
            changed[at:at] = changed[at : at + draw.randrange(1, 256)]
        else:
            del changed[at:]
    return bytes(changed)
