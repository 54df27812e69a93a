"""What the pages of the studio and of the live stream have in common: style and icon."""

from importlib import resources
from pathlib import Path


def page_frame() -> Path:
    """The folder that both servers show as /frame."""
    return Path(str(resources.files("mimictalk.studio.frame") / "static"))
