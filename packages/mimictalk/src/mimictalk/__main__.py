"""The program `mimictalk`, also as `python -m mimictalk`: its first moments, in which Ctrl-C is heard."""

import os
import signal
from types import FrameType


def main() -> None:
    """Entry point of the program."""
    if callable(signal.getsignal(signal.SIGINT)):  # a shell has its background jobs ignore it
        signal.signal(signal.SIGINT, _stop_at_once)
    from mimictalk.cli import main

    main()


def _stop_at_once(number: int, frame: FrameType | None) -> None:
    os.write(2, b"\nStopped. Run the same command to start again.\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
