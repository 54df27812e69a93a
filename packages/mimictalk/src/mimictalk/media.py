"""Open a user's media file: only listed containers, only the one file that was named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mimictalk.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer

FORMATS = "wav,w64,aiff,au,caf,mp3,flac,ogg,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf"
CODECS = (
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be"),
    *(
        "pcm_f32le",
        "pcm_f32be",
        "pcm_f64le",
        "pcm_f64be",
        "pcm_mulaw",
        "pcm_alaw",
        "adpcm_ms",
        "adpcm_ima_wav",
    ),
    *("mp3", "mp3float", "mp2", "mp2float", "flac", "alac", "aac", "aac_latm", "ac3", "eac3", "vorbis"),
    *("libvorbis", "opus", "libopus", "amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb"),
    *("h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg1video"),
    *("mpeg2video", "mpeg4", "mjpeg", "prores", "dnxhd", "theora", "h263", "wmv1", "wmv2", "wmv3", "vc1"),
    *("msmpeg4v3", "ffv1", "rawvideo", "png", "qtrle", "huffyuv"),
)


def container_options() -> dict[str, str]:
    """Only listed containers and decoders; no protocol: nothing but the file itself is read."""
    return {
        "format_whitelist": FORMATS,
        "codec_whitelist": ",".join(CODECS),
        "protocol_whitelist": "none",
    }


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
    if path.stat().st_size == 0:
        raise InputError(path, "the file is empty (0 bytes)", "Record or download it again.")
    with path.open("rb") as file:
        try:
            container = av.open(file, options=container_options(), metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            cure = "Convert it to mp4 or wav, or copy it again if it was cut off."
            raise InputError(path, "it is not a sound or video file that can be read", cure) from error
        with container:
            yield cast("InputContainer", container)


def duration(path: Path) -> float:
    """Seconds that a file says it lasts; 0 where it does not say."""
    with open_media(path) as container:
        return (container.duration or 0) / 1e6
