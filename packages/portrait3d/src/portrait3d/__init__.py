"""A 3D talking portrait: image to tri-plane, motion adapter, head-torso-background rendering."""

from portrait3d.config import SMALL as SMALL
from portrait3d.config import PortraitConfig as PortraitConfig
from portrait3d.errors import InputError as InputError

__version__ = "0.1.0"
__all__ = ["SMALL", "InputError", "PortraitConfig"]
