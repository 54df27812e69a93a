"""Decoding the sound of any common file block by block, on the time base of its picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

# A playlist, a concat script or a network address renamed to .wav must not be followed, so demuxers and
# decoders are listed by name and bytes are read only from the one file that was opened.
FORMATS = "wav,w64,aiff,au,caf,mp3,flac,ogg,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg"
CODECS = (
    "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,"
    "pcm_f64le,pcm_f64be,pcm_mulaw,pcm_alaw,adpcm_ms,adpcm_ima_wav,mp3,mp3float,mp2,mp2float,flac,alac,"
    "aac,aac_latm,ac3,eac3,vorbis,libvorbis,opus,libopus,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,"
    # Pictures too: without their decoder Matroska does not tell when the first one is shown.
    "h264,hevc,vp8,vp9,av1,libdav1d,mpeg4,mpeg2video,mjpeg"
)
SHORTEST = 0.1  # seconds; less holds no syllable
LONGEST = 4 * 3600.0  # seconds; keeps memory under 1 GB
CONVERT = "Convert it with:  ffmpeg -i INPUT -ac 1 -ar 16000 speech.wav"


def decode(path: Path, sample_rate: int, warnings: list[str]) -> Iterator[np.ndarray]:
    """Decodes the first audio stream of a file.

    Args:
        path: audio or video file.
        sample_rate: rate of the result in Hz.
        warnings: what is odd about the file is added; complete when the last block was taken.

    Yields:
        (channels, n) float32. Sample 0 belongs to the first video frame where there is one.

    Raises:
        InputError: the file is missing, empty, not sound, damaged beyond use, or holds numbers that are none.
    """
    if sample_rate < 8000:
        raise InputError("sample_rate", f"{sample_rate} Hz is too low for speech", "Use 16000.")
    if not path.is_file():
        raise InputError(path.name, "no such file", "Check the path.")
    if path.stat().st_size == 0:
        raise InputError(path.name, "the file is empty (0 bytes)", "Record or download it again.")
    import av
    from av.container import InputContainer

    with path.open("rb") as file:
        try:
            options = {"format_whitelist": FORMATS, "codec_whitelist": CODECS}
            container = av.open(file, options=options, metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise InputError(path.name, "not a sound or video file that can be read", CONVERT) from error
        assert isinstance(container, InputContainer)
        with container:
            warnings += _header_lies(path, container.format.name)
            yield from _blocks(path.name, container, sample_rate, warnings)


def _blocks(
    name: str, container: InputContainer, sample_rate: int, warnings: list[str]
) -> Iterator[np.ndarray]:
    import av

    if not container.streams.audio:
        raise InputError(name, "it has no sound", "Give a file with speech in it.")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise InputError(name, "its sound is in a coding that is not known", CONVERT)
    rate, count = stream.rate or 0, stream.codec_context.channels or 0
    if not 1000 <= rate <= 1_000_000 or not 1 <= count <= 64:
        cause = f"its header claims {rate} Hz and {count} channels"
        raise InputError(name, cause, CONVERT)
    if rate < 16000:
        warnings.append(f"sound is sampled at {rate} Hz: dull sound makes lip motion less exact")
    video = container.streams.video[0] if container.streams.video else None
    origin = _start(video) if video is not None else None
    # Packed: PyAV 18.1 reads beyond its memory when it makes an array of more than eight separate channels.
    resampler = av.AudioResampler(format="flt", layout=stream.codec_context.layout, rate=sample_rate)
    missing: list[str] = []
    filled, damaged = 0, 0
    for frame in _frames(stream, container):
        if frame is None:
            damaged += 1
            continue
        if origin is None:
            origin = frame.time or 0.0
        gap = 0
        if video is not None or damaged:  # elsewhere samples follow each other without holes
            gap = round(((frame.time or 0.0) - origin) * sample_rate) - filled
        try:
            pieces = resampler.resample(frame)
        except ValueError:  # another rate or layout in the middle: an altered byte
            damaged += 1
            continue
        for out in pieces:
            block = out.to_ndarray().reshape(-1, count).T
            if not filled and gap < 0:  # sound from before the first picture
                block = block[:, min(-gap, block.shape[1]) :]
            elif gap > 0.02 * sample_rate and gap + filled < LONGEST * sample_rate:
                for start in range(0, gap, sample_rate):
                    yield np.zeros((block.shape[0], min(sample_rate, gap - start)), np.float32)
                filled += gap
                missing += [f"{gap / sample_rate:.2f} s of sound are missing, taken as silence"]
            gap = 0
            if block.shape[1]:
                yield _finite(name, block)
                filled += block.shape[1]
        if filled > LONGEST * sample_rate:
            raise InputError(name, f"longer than {LONGEST / 3600:.0f} hours", "Cut it into parts.")
    for out in resampler.resample(None) if filled else []:
        yield _finite(name, out.to_ndarray().reshape(-1, count).T)
        filled += out.samples
    if damaged:
        if not filled:
            raise InputError(name, "its sound cannot be decoded", CONVERT)
        missing = [f"{damaged} pieces of its sound are damaged and left out"]
    warnings += missing
    seconds = filled / sample_rate
    if seconds < SHORTEST:
        cause = f"it holds {seconds:.2f} s of sound" if seconds else "it holds no sound at all"
        raise InputError(name, cause, f"Give at least {SHORTEST} s of speech.")
    promised = _promised(stream, container)
    if promised > seconds + 0.5:
        warnings.append(f"the file promises {promised:.1f} s but holds {seconds:.1f} s of sound")


def _finite(name: str, block: np.ndarray) -> np.ndarray:
    if not np.isfinite(block).all():
        cause = "its samples are not numbers (NaN or infinite)"
        raise InputError(name, cause, "Export it again as 16-bit wav.")
    return block


def _frames(stream: av.AudioStream, container: InputContainer) -> Iterator[av.AudioFrame | None]:
    """Decoded frames of the stream; None for every packet that is damaged."""
    import av

    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                yield None
    except av.error.FFmpegError:
        yield None


def _start(stream: av.VideoStream) -> float:
    """Presentation time of the first picture in seconds."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def _promised(stream: av.AudioStream, container: InputContainer) -> float:
    """Length in seconds that the file claims for its sound; 0 where it claims none."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1e6


def _header_lies(path: Path, format_name: str) -> list[str]:
    """A name that does not fit the content, and a wav header that claims more bytes than there are."""
    kind, warnings = path.suffix.lower().lstrip("."), []
    if kind in ("wav", "mp3", "flac", "ogg") and format_name != kind:
        warnings.append(f"named .{kind} but its content is {format_name}")
    if format_name == "wav":
        with path.open("rb") as file:
            head = file.read(4096)
        at = head.find(b"data")
        claimed = int.from_bytes(head[at + 4 : at + 8], "little") if at > 0 else 0
        held = path.stat().st_size - at - 8
        if claimed > held:
            warnings.append(
                f"its header claims {claimed / 1e6:.1f} MB of sound but the file holds {held / 1e6:.1f}"
            )
    return warnings
