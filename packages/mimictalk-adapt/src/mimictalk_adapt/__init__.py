"""Static-dynamic-hybrid adaptation of a portrait model to one person."""

from mimictalk_adapt.config import AdaptConfig as AdaptConfig
from mimictalk_adapt.loop import AdaptResult as AdaptResult
from mimictalk_adapt.loop import adapt as adapt
from mimictalk_adapt.protocol import AdaptableBackbone as AdaptableBackbone
from mimictalk_adapt.protocol import JudgingBackbone as JudgingBackbone
from mimictalk_adapt.protocol import RememberingBackbone as RememberingBackbone

__version__ = "0.1.0"
__all__ = [
    "AdaptConfig",
    "AdaptResult",
    "AdaptableBackbone",
    "JudgingBackbone",
    "RememberingBackbone",
    "adapt",
]
