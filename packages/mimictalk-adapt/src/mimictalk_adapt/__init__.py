"""Static-dynamic-hybrid adaptation of a portrait model to one person."""

from mimictalk_adapt.config import AdaptConfig as AdaptConfig
from mimictalk_adapt.loop import AdaptResult as AdaptResult
from mimictalk_adapt.loop import adapt as adapt
from mimictalk_adapt.protocol import AdaptableBackbone as AdaptableBackbone

__version__ = "0.1.0"
__all__ = ["AdaptConfig", "AdaptResult", "AdaptableBackbone", "adapt"]
