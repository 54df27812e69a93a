"""A live server whose frames are grey (quick_drawing.py):  python quick_stream.py '{"video": {...}, ...}'

Prints its port and its token. Settings: video (see quick_drawing), size, delay (moments), viewers.
"""

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mimictalk.console import Console
from mimictalk.streaming.drawing_link import DrawingLink
from mimictalk.streaming.server import open_socket, serve_link
from mimictalk.streaming.settings import StreamSettings

QUICK = (sys.executable, str(Path(__file__).with_name("quick_drawing.py")))
METADATA = {"comment": '{"digitalSourceType":"test"}'}


def link_of(asked: dict[str, Any]) -> DrawingLink:
    """The drawing process of a test."""
    size = asked.get("size", 256)
    speaker = {"size": size, "video": asked.get("video", {})}
    return DrawingLink(speaker, size, asked.get("delay"), lambda index, frame: None, QUICK)


def main(text: str) -> None:
    asked = json.loads(text)
    video: Any = SimpleNamespace()
    settings = StreamSettings(
        video, size=asked.get("size", 256), port=asked.get("port", 0), viewers=asked.get("viewers", 4)
    )
    server = open_socket(settings)
    console = Console(quiet=True, json=True)
    with server:
        asyncio.run(serve_link(settings, server, link_of(asked), "grey", METADATA, console))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "{}")
