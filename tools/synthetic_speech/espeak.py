"""espeak-ng through its C interface: sound and the exact start of every phoneme, in IPA.

Debian: `apt-get install espeak-ng`. Only this tool needs it. Reference: speak_lib.h of espeak-ng 1.51.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np

LIBRARY = "libespeak-ng.so.1"
SYNCHRONOUS, PHONEME_EVENTS_IN_IPA = 2, 0x0001 | 0x0002
PHONEME_EVENT, LIST_END = 7, 0
RATE, PITCH, RANGE = 1, 3, 4
UTF8 = 1
CHUNK = 60  # ms of sound per callback


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


@dataclass(frozen=True)
class Utterance:
    """Mono sound (n,) float32 in [-1, 1], its rate, and phones as (name, start, end) in seconds."""

    samples: np.ndarray
    sample_rate: int
    phones: tuple[tuple[str, float, float], ...]


class Espeak:
    """One loaded engine; the C library allows one per process."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL(LIBRARY)
        self._callback_type = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self._callback = self._callback_type(self._receive)  # kept: C holds a pointer to it
        self.sample_rate = self._lib.espeak_Initialize(SYNCHRONOUS, CHUNK, None, PHONEME_EVENTS_IN_IPA)
        if self.sample_rate <= 0:
            raise RuntimeError("espeak-ng cannot start: is the package espeak-ng-data installed?")
        self._lib.espeak_SetSynthCallback(self._callback)

    def say(
        self, text: str, voice: str, rate: int = 175, pitch: int = 50, pitch_range: int = 50
    ) -> Utterance:
        """Speaks.

        Args:
            text: what to say.
            voice: language with an optional variant, e.g. "de", "en-us+f3".
            rate: words per minute, 80 to 450.
            pitch: 0 to 100.
            pitch_range: liveliness of the melody, 0 to 100.

        Raises:
            RuntimeError: the voice is unknown.
        """
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((RATE, rate), (PITCH, pitch), (RANGE, pitch_range)):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._blocks: list[np.ndarray] = []
        self._marks: list[tuple[float, str]] = []
        data = text.encode() + b"\0"
        self._lib.espeak_Synth(data, len(data), 0, 0, 0, UTF8, None, None)
        self._lib.espeak_Synchronize()
        samples = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        total = samples.size / self.sample_rate
        starts = [t for t, _ in self._marks]
        phones = tuple(
            (name, start, end)
            for (start, name), end in zip(self._marks, [*starts[1:], total], strict=True)
            if end > start
        )
        return Utterance(samples.astype(np.float32) / 32768, self.sample_rate, phones)

    def _receive(self, wave: object, count: int, events: object) -> int:
        index = 0
        while events[index].type != LIST_END:  # type: ignore[index]
            event = events[index]  # type: ignore[index]
            if event.type == PHONEME_EVENT:
                self._marks.append((event.audio_position / 1000, event.id.string.decode(errors="ignore")))
            index += 1
        if wave and count > 0:
            self._blocks.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())  # type: ignore[call-overload]
        return 0
