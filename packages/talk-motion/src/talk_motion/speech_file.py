"""The motion of a whole speech on the disk, read as it is needed."""

from __future__ import annotations

from collections.abc import Iterator

from .audio import SoundFile
from .feature_stream import FeatureStream, statistics_of
from .features import AudioFeatures
from .generation import Speaking, generate_long
from .model import MotionModel
from .motion import MotionPrompt, MotionSequence
from .sound_frames import FRAME


class SpeechFile:
    """A sound file as features, in pieces; read twice to know its statistics, then once more.

    Args:
        sound: the opened file, 16 kHz.

    Attributes:
        statistics: of the whole sound.
        frames: motion frames that hold all of it.
        voiced: share of its feature frames so far in which a voice was heard; of all after `features`.
    """

    def __init__(self, sound: SoundFile) -> None:
        self.sound = sound
        self.statistics = statistics_of(sound.blocks)
        self.frames = -(-sound.length // FRAME)
        self._voiced = self._heard = 0

    @property
    def voiced(self) -> float:
        return self._voiced / max(1, self._heard)

    def features(self) -> Iterator[AudioFeatures]:
        """Features in pieces of about 10 s, all with the statistics of the whole."""
        self._voiced = self._heard = 0
        stream = FeatureStream(self.statistics)
        for block in self.sound.blocks():
            yield self._counted(stream.push(block))
        yield self._counted(stream.finish())

    def motion(
        self, model: MotionModel, prompt: MotionPrompt | None = None, speaking: Speaking | None = None
    ) -> Iterator[MotionSequence]:
        """The motion in pieces of minutes, in order: see `generate_long`."""
        return generate_long(model, self.features(), self.statistics.quiet, prompt, speaking)

    def _counted(self, piece: AudioFeatures) -> AudioFeatures:
        self._voiced += int(piece.voiced.sum())
        self._heard += len(piece.voiced)
        return piece
