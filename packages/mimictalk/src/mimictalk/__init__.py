"""Learn one person's talking head from a short video and make it speak any audio."""

__version__ = "0.1.0"
