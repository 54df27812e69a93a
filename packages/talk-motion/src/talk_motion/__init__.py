"""Audio to face motion that copies the talking style of a reference clip."""

__version__ = "0.1.0"
