"""The sound of a clip as a talking style is learned from it, and what is odd about it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimictalk.judgement import WARN, Judgement
from mimictalk.sound import has_sound
from mimictalk.sound_alignment import moved
from mimictalk.sound_check import has_speech, judge_level, late_start

if TYPE_CHECKING:
    from talk_motion import AudioFeatures

NO_STYLE = "the avatar gets no talking style of its own"
SPEAK = "Film with the microphone on, and talk for 20 s or more."
LISTEN = "Listen to the clip; record its sound again if it is not as it should be."


@dataclass(frozen=True, eq=False)
class ClipSound:
    """What was heard in a clip.

    Attributes:
        samples: (n,) float32 at 16 kHz, sample 0 at the first frame; None where there is no speech.
        warnings: What is odd.
    """

    samples: np.ndarray | None
    warnings: tuple[str, ...]

    @cached_property
    def features(self) -> "AudioFeatures | None":
        """Of the speech as it is; None where there is none."""
        return None if self.samples is None else self.features_at(0)

    def features_at(self, offset: int) -> "AudioFeatures":
        """Of the speech moved by an offset (see `sound_alignment`).

        Raises:
            ValueError: If there is no speech.
        """
        from talk_motion.features import extract_features

        if self.samples is None:
            raise ValueError("there is no speech to extract features from")
        return extract_features(moved(self.samples, offset))

    def judgements(self) -> list[Judgement]:
        """What is odd, and of speech its level."""
        if self.samples is None:
            odd = [Judgement("sound", WARN, remark, LISTEN) for remark in self.warnings[:-1]]
            return [*odd, Judgement("speech", WARN, self.warnings[-1], SPEAK)]
        odd = [Judgement("sound", WARN, remark, LISTEN) for remark in self.warnings]
        return [judge_level(self.samples), *odd]


def read_clip_sound(path: Path) -> ClipSound:
    """Listen to a clip."""
    from talk_motion.audio import read_audio
    from talk_motion.errors import InputError as SoundError
    from talk_motion.features import extract_features

    if not has_sound(path):
        return ClipSound(None, (f"the clip has no sound: {NO_STYLE}",))
    try:
        clip = read_audio(path)
    except SoundError as error:
        return ClipSound(None, (f"{error.cause}: {NO_STYLE}",))
    warnings = list(clip.warnings)
    late = late_start(clip.samples, clip.sample_rate)
    if late:
        warnings.append(f"the sound begins with {late:.2f} s of nothing: it may be late against the picture")
    if not has_speech(extract_features(clip.samples)):
        return ClipSound(None, (*warnings, f"no speech was found in the sound: {NO_STYLE}"))
    return ClipSound(clip.samples, tuple(warnings))
