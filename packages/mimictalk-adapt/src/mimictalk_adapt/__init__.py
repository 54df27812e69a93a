"""Static-dynamic-hybrid adaptation of a portrait model to one person."""

__version__ = "0.1.0"
