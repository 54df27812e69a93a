"""Audio to face motion that copies the talking style of a reference clip."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talk_motion.audio import AudioClip as AudioClip
    from talk_motion.audio import SoundFile as SoundFile
    from talk_motion.audio import load_audio as load_audio
    from talk_motion.audio import read_audio as read_audio
    from talk_motion.errors import InputError as InputError
    from talk_motion.feature_stream import statistics_of as statistics_of
    from talk_motion.features import AudioFeatures as AudioFeatures
    from talk_motion.features import extract_features as extract_features
    from talk_motion.generation import Speaking as Speaking
    from talk_motion.generation import generate as generate
    from talk_motion.generation import generate_long as generate_long
    from talk_motion.model import MotionModel as MotionModel
    from talk_motion.model import SamplingConfig as SamplingConfig
    from talk_motion.motion import MotionPrompt as MotionPrompt
    from talk_motion.motion import MotionSequence as MotionSequence
    from talk_motion.speech_file import SpeechFile as SpeechFile
    from talk_motion.spool import MotionSpool as MotionSpool
    from talk_motion.streaming import MotionStream as MotionStream
    from talk_motion.streaming import StreamConfig as StreamConfig
    from talk_motion.sync import SyncExpert as SyncExpert
    from talk_motion.sync import sync_loss as sync_loss
    from talk_motion.sync_measure import SyncMeasure as SyncMeasure
    from talk_motion.sync_measure import measure_sync as measure_sync
    from talk_motion.visemes import Visemes as Visemes
    from talk_motion.visemes import visemes_of as visemes_of

__version__ = "0.1.0"

# Name -> module; loaded on first use, so that importing this package costs nothing.
_WHERE = {
    "AudioClip": "audio",
    "AudioFeatures": "features",
    "InputError": "errors",
    "MotionModel": "model",
    "MotionPrompt": "motion",
    "MotionSequence": "motion",
    "MotionSpool": "spool",
    "MotionStream": "streaming",
    "SamplingConfig": "model",
    "SoundFile": "audio",
    "Speaking": "generation",
    "SpeechFile": "speech_file",
    "StreamConfig": "streaming",
    "SyncExpert": "sync",
    "SyncMeasure": "sync_measure",
    "Visemes": "visemes",
    "extract_features": "features",
    "generate": "generation",
    "generate_long": "generation",
    "load_audio": "audio",
    "measure_sync": "sync_measure",
    "read_audio": "audio",
    "statistics_of": "feature_stream",
    "sync_loss": "sync",
    "visemes_of": "visemes",
}
__all__ = [
    "AudioClip",
    "AudioFeatures",
    "InputError",
    "MotionModel",
    "MotionPrompt",
    "MotionSequence",
    "MotionSpool",
    "MotionStream",
    "SamplingConfig",
    "SoundFile",
    "Speaking",
    "SpeechFile",
    "StreamConfig",
    "SyncExpert",
    "SyncMeasure",
    "Visemes",
    "extract_features",
    "generate",
    "generate_long",
    "load_audio",
    "measure_sync",
    "read_audio",
    "statistics_of",
    "sync_loss",
    "visemes_of",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"talk_motion.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
