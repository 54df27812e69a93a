"""Open a user's media file: only listed containers, only the one file that was named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mimictalk.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer

FORMATS = "wav,w64,aiff,au,caf,mp3,flac,ogg,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg"


@contextmanager
def open_media(path: Path) -> Iterator["InputContainer"]:
    """Open a video or sound file for reading.

    The bytes come from a file object, so that a name such as "concat:x" or "-i" is never taken for more than
    a name, and a playlist in disguise cannot reach its neighbours.

    Raises:
        InputError: If there is no such regular file or it is not a listed container.
    """
    import av

    if not path.exists():
        raise InputError(path, "there is no such file", "Check the name.")
    if not path.is_file():
        raise InputError(path, "it is not a regular file", "Give a video or sound file.")
    with path.open("rb") as file:
        try:
            container = av.open(file, options={"format_whitelist": FORMATS}, metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            cure = "Convert it to mp4 or wav, or copy it again if it was cut off."
            raise InputError(path, "it cannot be read as a video or sound file", cure) from error
        with container:
            yield cast("InputContainer", container)


def duration(path: Path) -> float:
    """Seconds that a file says it lasts; 0 where it does not say."""
    with open_media(path) as container:
        return (container.duration or 0) / 1e6
