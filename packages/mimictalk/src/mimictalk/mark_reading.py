"""All marks of a file: C2PA manifest, the container's own metadata, the watermark in the picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.content_credentials import Credentials, media_type_of, read_credentials
from mimictalk.marks import mark_in
from mimictalk.media import open_media
from mimictalk.picture_probe import LARGEST_GREY
from mimictalk.watermark_detection import WINDOW, WINDOWS, Detection, detect

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer

    from mimictalk.decoded_pictures import MarkedPicture


@dataclass(frozen=True)
class Marks:
    """What a file carries.

    Attributes:
        credentials: Its C2PA manifest.
        mark: The JSON in the container's metadata, or None.
        watermark: What is in the picture.
        media_type: For C2PA, or None for a container that cannot hold a manifest.
    """

    credentials: Credentials
    mark: dict[str, Any] | None
    watermark: Detection
    media_type: str | None

    @property
    def synthetic(self) -> bool:
        """Whether any of them says that a trained model made it."""
        return self.credentials.synthetic or self.mark is not None or self.watermark.payload is not None

    def note(self) -> str | None:
        """One sentence for whoever uses the file as an input; None if it carries nothing."""
        said = []
        if self.credentials.state != "none":
            said.append(f"a C2PA manifest ({self.credentials.state})")
        if self.mark is not None:
            said.append(f"a mark of {self.mark.get('tool', 'another program')} in its metadata")
        if self.watermark.payload is not None:
            said.append(f"mimictalk's watermark {self.watermark.payload:016x}")
        if not said:
            return None
        kind = "synthetic" if self.synthetic else "not declared synthetic"
        return f"It carries {', '.join(said)}; {kind}."


def read_marks(path: Path, *, roots: bytes = b"", frames: int = WINDOW * WINDOWS) -> Marks:
    """Read the marks of a video or sound file.

    Args:
        path: The file.
        roots: PEM certificates that are trusted besides the local one.
        frames: How many are looked at for the watermark, from the beginning.

    Raises:
        InputError: If the file is missing or is not a media file.
    """
    with open_media(path) as container:
        media_type = media_type_of(container.format.name)
        mark = mark_in(dict(container.metadata))
        watermark = detect(_brightness(container, frames))
    return Marks(read_credentials(path, media_type, roots), mark, watermark, media_type)


def read_picture_marks(path: Path, roots: bytes = b"") -> Marks:
    """Read the marks of a picture.

    Args:
        path: The file.
        roots: PEM certificates that are trusted besides the local one.

    Raises:
        InputError: If it cannot be read as a picture.
    """
    from mimictalk.decoded_pictures import read_marked_pictures

    (picture,) = read_marked_pictures([path])
    return marks_of_picture(path, picture, roots)


def marks_of_picture(path: Path, picture: "MarkedPicture", roots: bytes = b"") -> Marks:
    """The marks of a picture that was decoded; its manifest is read from the file."""
    media_type = media_type_of(picture.format)
    credentials = read_credentials(path, media_type, roots)
    return Marks(credentials, mark_in(picture.texts), detect([picture.grey]), media_type)


def _brightness(container: "InputContainer", frames: int) -> "Iterator[np.ndarray]":
    """(height, width) 0 to 255 of the first frames of one size; a damaged rest is left out."""
    import av

    size: tuple[int, int] | None = None
    try:
        for index, frame in enumerate(container.decode(video=0) if container.streams.video else ()):
            size = size or (frame.width, frame.height)
            if index >= frames or (frame.width, frame.height) != size:
                return
            smaller = min(1.0, LARGEST_GREY / max(size))
            width, height = (max(1, round(side * smaller)) for side in size)
            yield frame.reformat(width=width, height=height, format="gray").to_ndarray()
    except av.error.FFmpegError:
        return
