"""A 3D talking portrait: image to tri-plane, motion adapter, head-torso-background rendering."""

__version__ = "0.1.0"
