"""Audio to face motion that copies the talking style of a reference clip."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talk_motion.audio import AudioClip as AudioClip
    from talk_motion.audio import load_audio as load_audio
    from talk_motion.audio import read_audio as read_audio
    from talk_motion.errors import InputError as InputError
    from talk_motion.features import AudioFeatures as AudioFeatures
    from talk_motion.features import extract_features as extract_features
    from talk_motion.generation import generate as generate
    from talk_motion.model import MotionModel as MotionModel
    from talk_motion.model import SamplingConfig as SamplingConfig
    from talk_motion.motion import MotionPrompt as MotionPrompt
    from talk_motion.motion import MotionSequence as MotionSequence

__version__ = "0.1.0"

# Name -> module; loaded on first use, so that importing this package costs nothing.
_WHERE = {
    "AudioClip": "audio",
    "AudioFeatures": "features",
    "InputError": "errors",
    "MotionModel": "model",
    "MotionPrompt": "motion",
    "MotionSequence": "motion",
    "SamplingConfig": "model",
    "extract_features": "features",
    "generate": "generation",
    "load_audio": "audio",
    "read_audio": "audio",
}
__all__ = [
    "AudioClip",
    "AudioFeatures",
    "InputError",
    "MotionModel",
    "MotionPrompt",
    "MotionSequence",
    "SamplingConfig",
    "extract_features",
    "generate",
    "load_audio",
    "read_audio",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"talk_motion.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
