"""A 64-bit payload as a code word that survives noise: CRC-16, then a convolutional code of rate 1/6.

Code: constraint length 7, generators 173, 151, 135, 135, 163, 137 (octal), free distance 30: Daut, Modestino
and Wismer, "New short constraint length convolutional code constructions for selected rational rates" (IEEE
Trans. Inform. Theory 28, 1982). Decoded with Viterbi's algorithm on soft values. CRC: CCITT,
x^16 + x^12 + x^5 + 1, start value 0xFFFF.
"""

import binascii
from functools import cache

import numpy as np

PAYLOAD_BITS, CRC_BITS, MEMORY = 64, 16, 6
GENERATORS = (0o173, 0o151, 0o135, 0o135, 0o163, 0o137)
STATES = 1 << MEMORY
STEPS = PAYLOAD_BITS + CRC_BITS + MEMORY  # zeros at the end bring the encoder back to state 0
LENGTH = STEPS * len(GENERATORS)


def encode(payload: int) -> np.ndarray:
    """The code word of a payload.

    Args:
        payload: 0 to 2**64 - 1.

    Returns:
        (516,) float32 of +1 and -1.

    Raises:
        ValueError: If the payload is out of range.
    """
    if not 0 <= payload < 1 << PAYLOAD_BITS:
        raise ValueError(f"a payload has 64 bits, got {payload}")
    content = payload.to_bytes(8, "big")
    content += binascii.crc_hqx(content, 0xFFFF).to_bytes(2, "big")
    bits = [*np.unpackbits(np.frombuffer(content, np.uint8)), *[0] * MEMORY]
    outputs, state, word = _outputs(), 0, []
    for bit in bits:
        word.append(outputs[state, bit])
        state = (int(bit) << MEMORY | state) >> 1
    return np.concatenate(word)


def decode(soft: np.ndarray) -> int | None:
    """The most likely payload, or None if its checksum is wrong.

    Args:
        soft: (516,) values; the sign is the guess, the size how sure it is.
    """
    received, outputs = soft.reshape(STEPS, len(GENERATORS)), _outputs()
    state = np.arange(STATES)
    bit = state >> (MEMORY - 1)  # what was pushed in last
    first = (state << 1) & (STATES - 1)  # the two states that a state can come from
    second = first | 1
    metric = np.full(STATES, -np.inf)
    metric[0] = 0.0
    came_from = np.empty((STEPS, STATES), np.int64)
    for step, values in enumerate(received):
        by_first = metric[first] + outputs[first, bit] @ values
        by_second = metric[second] + outputs[second, bit] @ values
        came_from[step] = np.where(by_second > by_first, second, first)
        metric = np.maximum(by_first, by_second)
    at, bits = 0, []
    for step in reversed(range(STEPS)):
        bits.append(at >> (MEMORY - 1))
        at = int(came_from[step, at])
    content = np.packbits(np.array(bits[::-1][: PAYLOAD_BITS + CRC_BITS], np.uint8)).tobytes()
    if binascii.crc_hqx(content[:8], 0xFFFF) != int.from_bytes(content[8:], "big"):
        return None
    return int.from_bytes(content[:8], "big")


@cache
def _outputs() -> np.ndarray:
    """(64, 2, 6): what the encoder gives in a state for a bit, +1 for 0 and -1 for 1."""
    register = np.arange(STATES)[:, None] | np.arange(2) << MEMORY
    parity = np.bitwise_count(register[..., None] & np.array(GENERATORS)) & 1
    return (1 - 2 * parity.astype(np.float32)).astype(np.float32)
