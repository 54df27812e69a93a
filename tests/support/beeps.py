"""Sound to send: beeps where they are wanted, silence elsewhere."""

import numpy as np


def speech(seconds: float, loud=lambda time: False, rate: int = 16000) -> bytes:
    """Bare samples: 300 Hz where it is to be loud, else silence."""
    times = np.arange(round(seconds * rate)) / rate
    mask = np.vectorize(loud, otypes=[bool])(np.floor(times * 25) / 25)
    wave = np.where(mask, 0.5 * np.sin(2 * np.pi * 300 * times), 0)
    return (wave * 32767).astype("<i2").tobytes()
