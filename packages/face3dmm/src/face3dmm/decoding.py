"""Open one local video file safely and decode what can be decoded of it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from face3dmm.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer

CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
CODECS = (
    *("h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp8", "vp9", "libvpx", "libvpx-vp9"),
    *("mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "prores", "dnxhd", "theora", "h263"),
    *("wmv1", "wmv2", "wmv3", "vc1", "msmpeg4v3", "ffv1", "rawvideo", "png", "qtrle", "huffyuv"),
)
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")  # their first bytes
MAX_PIXELS = 36_000_000  # a little more than one 8K frame
MAX_SECONDS = 3600.0


def check_file(path: Path, wanted: str = "a video file such as REF.mp4") -> None:
    """Refuse everything but a regular local file with something in it.

    Args:
        path: The file.
        wanted: What to give instead of a folder.

    Raises:
        InputError: If there is no such file, or it is a folder, a device, a pipe, empty or not readable.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        cure = "Check the name; only local files can be read."
        raise InputError(path, "there is no such file", cure) from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError(path, "it is a folder", f"Give {wanted}.")
    if not stat.S_ISREG(status.st_mode):
        raise InputError(path, "it is a device or a pipe, not a regular file", "Save it as a file first.")
    if status.st_size == 0:
        raise InputError(path, "the file is empty", "Copy or download it again.")
    if not os.access(path, os.R_OK):
        raise InputError(path, "it may not be read", "Change its permissions.")


@contextmanager
def open_container(path: Path) -> Iterator["InputContainer"]:
    """Open a checked file as one of the listed containers.

    The bytes come from a file object and no protocol is allowed, so that neither a name such as
    "concat:a|b" nor what the file says can make the library read anything else.

    Raises:
        InputError: If it is no listed container.
    """
    import av

    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    with open(path, "rb") as file:
        head = file.read(12)
        file.seek(0)
        try:
            container = av.open(file, "r", options=options, metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if head[4:8] == b"ftyp":
                cause, cure = "it is cut off or damaged: its index is missing", "Copy or export it again."
            elif head.startswith(PICTURES):
                cause, cure = "it is a picture, not a video", "Give an mp4, mov, mkv, webm or avi file."
            else:
                cause, cure = "it is not a video that can be read", "Give an mp4, mov, mkv, webm or avi file."
            raise InputError(path, cause, cure) from error
        with container:
            yield container


def check_stream(path: Path, container: "InputContainer", max_seconds: float | None) -> None:
    """Refuse a container without a picture, with an unlisted codec, or above the limits.

    Raises:
        InputError: See above; messages state the limits.
    """
    if not container.streams.video:
        cure = "Give a video of the person, not only sound."
        raise InputError(path, "there is no picture in it", cure)
    codec = container.streams.video[0].codec_context
    if codec is None or codec.name not in CODECS:  # a coding that is not known has no context
        cure = "Convert it to H.264 in an mp4 file."
        named = repr(codec.name) if codec is not None else "is unknown and"
        raise InputError(path, f"its video codec {named} is not supported", cure)
    if codec.width * codec.height > MAX_PIXELS:
        limit = f"the limit of {MAX_PIXELS // 1_000_000} million pixels"
        cause = f"{codec.width}x{codec.height} is more than {limit}"
        raise InputError(path, cause, "Scale it down first, for example to 1920x1080.")
    seconds = declared_duration(container)
    if max_seconds is None and seconds is not None and seconds > MAX_SECONDS:
        cause = f"it lasts {seconds / 60:.0f} minutes, the limit is {MAX_SECONDS / 60:.0f}"
        raise InputError(path, cause, "Cut out the part to use; 20 seconds to a few minutes are enough.")


def declared_duration(container: "InputContainer") -> float | None:
    """Seconds of the video stream, or of the whole file, as the container says."""
    stream = container.streams.video[0]
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


class Decoder:
    """Iterates (seconds, frame) of the first video stream; damaged packets are counted and skipped.

    Args:
        container: An open container.
        max_seconds: Stop this long after the first frame.

    Attributes:
        last_for: Seconds that the last frame is to stay, as it says itself; 0 if it does not say.
        times: Seconds of every frame given so far.
        damaged: Packets that could not be decoded, and frames with an impossible time.
    """

    def __init__(self, container: "InputContainer", max_seconds: float | None = None) -> None:
        self._container = container
        self._limit = min(max_seconds if max_seconds is not None else MAX_SECONDS, MAX_SECONDS)
        self._duration = declared_duration(container)
        self.times: list[float] = []
        self.last_for, self.damaged = 0.0, 0

    def __iter__(self) -> Iterator[tuple[float, Any]]:
        for frame in self._frames():
            time = frame.time
            if time is None:
                time = self.times[-1] + 0.04 if self.times else 0.0
            since = time - self.times[0] if self.times else 0.0
            if self._duration and since > self._duration + 2:
                self.damaged += 1  # a damaged time stamp must not hold the picture before it for hours
                continue
            if since > self._limit + 1:
                return
            self.times.append(time)
            self.last_for = float((frame.duration or 0) * (frame.time_base or 0))
            yield time, frame

    def _frames(self) -> Iterator[Any]:
        import av

        packets = self._container.demux(self._container.streams.video[0])
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                self.damaged += 1
                return
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in decoded:
                if frame.is_corrupt:
                    self.damaged += 1  # the picture before it stays: better than a smeared one
                else:
                    yield frame

    def remarks(self, whole: bool) -> list[str]:
        """What was odd about the frames so far, in words.

        Args:
            whole: Whether everything was read, so that a missing end can be told.
        """
        found = []
        if self.damaged:
            found.append(f"parts of the video are damaged ({self.damaged} packets): they were skipped")
        gaps = np.diff(self.times)
        gaps = gaps[gaps > 0]
        # A lone gap is damage, not a habit.
        if len(gaps) > 2 and (gaps > 1.5 * np.median(gaps)).mean() > 0.02:
            found.append("the frame rate varies: frames are taken by their time stamps")
        if whole and self.times and self._duration:
            seconds = self.times[-1] - self.times[0]
            if seconds < self._duration - max(0.5, 2 * (gaps.max() if len(gaps) else 0)):
                ends = f"{seconds:.1f} s of {self._duration:.1f} s"
                found.append(f"the video is cut off: its pictures end at {ends}")
        return found
