"""The child process in which a file is opened and decoded first: python -m mimictalk.media_probe < FILE

It can do little harm: it may not write files, its memory and computing time are limited, it opens nothing but
what it was handed. What it found goes to stdout as one JSON object of numbers and short names.
"""

import json
import os
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

MARGIN = 1 << 25  # bytes that a decoder asks for beside a picture


@dataclass(frozen=True)
class Limits:
    """What a media file may ask for.

    Attributes:
        memory: Bytes of address space of the decoder.
        cpu: Seconds of computing, after which the decoder is killed.
        enough: Seconds of computing, after which no more is decoded: so far nothing was wrong.
        wall: Seconds until a decoder that does not end is killed.
        pixels: Of a picture: a little more than one 8K frame.
        hours: That a video may claim to last.
        streams: Of all kinds.
        channels: Of sound.
    """

    memory: int = 4_000_000_000
    cpu: int = 60
    enough: float = 20.0
    wall: float = 120.0
    pixels: int = 36_000_000
    hours: float = 24.0
    streams: int = 16
    channels: int = 64

    def reason(self, facts: dict[str, Any]) -> tuple[str, str] | None:
        """Cause and cure where a file's header asks for more, else None.

        Args:
            facts: As `look` gives them.
        """
        if facts["streams"] > self.streams:
            cause = f"it holds {facts['streams']} streams, the limit is {self.streams}"
            return cause, "Export it with one picture and one sound stream."
        if facts["width"] * facts["height"] > self.pixels:
            limit = f"the limit of {self.pixels // 1_000_000} million pixels"
            cause = f"{facts['width']}x{facts['height']} is more than {limit}"
            return cause, "Scale it down first, for example to 1920x1080."
        if facts["width"] and facts["seconds"] > self.hours * 3600:
            cause = f"its header claims {facts['seconds'] / 3600:.0f} hours, the limit is {self.hours:.0f}"
            return cause, "Cut out the part to use, or export it again."
        if facts["channels"] > self.channels:
            cause = f"it has {facts['channels']} sound channels, the limit is {self.channels}"
            return cause, "Mix it down to one or two channels."
        return None


def look(file: BinaryIO, limits: Limits) -> dict[str, Any]:
    """Open a file and decode as much of it as `limits.enough` allows.

    Returns:
        opened, streams, width, height, channels, seconds, decoded (frames) and memory (whether it ran out).
    """
    import av

    from mimictalk.media import container_options

    facts: dict[str, Any] = {"opened": False, "decoded": 0, "memory": False}
    try:
        with av.open(file, "r", options=container_options(), metadata_errors="replace") as container:
            facts |= {"opened": True, **_header(container)}
            if limits.reason(facts) is None:
                _decode(container, limits, facts)
    except (MemoryError, av.error.MemoryError):
        facts["memory"] = True
    except (av.error.FFmpegError, OSError, ValueError):
        pass  # the program says in its own words why it cannot be used
    # FFmpeg gives no sign when it cannot have the memory for another picture: it leaves the picture out.
    picture = 3 * facts.get("width", 0) * facts.get("height", 0) + MARGIN
    facts["memory"] |= facts["opened"] and _peak() + picture > limits.memory
    return facts


def _peak() -> int:
    """Most bytes of address space so far; 0 where the system does not tell."""
    with suppress(OSError), open("/proc/self/status") as status:
        return next((1024 * int(line.split()[1]) for line in status if line.startswith("VmPeak")), 0)
    return 0


def _header(container: Any) -> dict[str, Any]:
    """Numbers of the header that stand for the largest request of any stream."""
    streams = container.streams
    # A stream in a coding that is not known has no context.
    shown = [s for s in streams.video if s.codec_context is not None]
    heard = [s for s in streams.audio if s.codec_context is not None]
    widest = max(shown, key=lambda s: s.codec_context.width * s.codec_context.height, default=None)
    return {
        "streams": len(streams),
        "width": widest.codec_context.width if widest else 0,
        "height": widest.codec_context.height if widest else 0,
        "channels": max((s.codec_context.channels for s in heard), default=0),
        "seconds": max(container.duration or 0, 0) / 1e6,
    }


def _decode(container: Any, limits: Limits, facts: dict[str, Any]) -> None:
    import av

    from mimictalk.media import CODECS

    first = [*container.streams.video[:1], *container.streams.audio[:1]]
    chosen = [s for s in first if s.codec_context is not None and s.codec_context.name in CODECS]
    for stream in chosen:
        stream.codec_context.thread_count = 1  # a hundred threads would hold a hundred pictures
    begin = time.process_time()
    for packet in container.demux(chosen) if chosen else ():
        try:
            facts["decoded"] += len(packet.decode())
        except (MemoryError, av.error.MemoryError):
            raise
        except av.error.FFmpegError:
            continue  # a damaged packet
        if time.process_time() - begin > limits.enough:
            return


def confine(limits: Limits) -> None:
    """Give up the right to write files, to much memory and to much time."""
    for name, value in (
        ("RLIMIT_AS", limits.memory),
        ("RLIMIT_CPU", limits.cpu),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 32),
    ):
        with suppress(ValueError, OSError, AttributeError):  # some systems lack one; the others still hold
            kind = getattr(resource, name)
            most = resource.getrlimit(kind)[1]
            value = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(kind, (value, value))


def main() -> None:
    """Look at stdin under the limits given as JSON on the command line."""
    limits = Limits(**json.loads(sys.argv[1]))
    import av

    import mimictalk.media  # noqa: F401  (what is needed is loaded before memory is limited)

    av.logging.set_level(None)
    confine(limits)
    with os.fdopen(0, "rb") as file:
        print(json.dumps(look(file, limits)), flush=True)


if __name__ == "__main__":
    main()
