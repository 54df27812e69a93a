"""Sound from any common file as 16 kHz mono, in step with the picture, or a sentence that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class AudioClip:
    """Samples (n,) float32 in [-1, 1] with their rate, and what was odd about the file."""

    samples: np.ndarray
    sample_rate: int
    warnings: tuple[str, ...]


def load_audio(path: str | Path, sample_rate: int = 16000) -> np.ndarray:
    """Reads the sound of an audio or video file; see `read_audio` for what was odd about it.

    Args:
        path: audio or video file.
        sample_rate: rate of the result in Hz.

    Returns:
        Mono samples (n,), float32 in [-1, 1]. Sample 0 belongs to the first video frame where there is one.

    Raises:
        InputError: the file is missing, empty, not sound, damaged beyond use, or holds numbers that are none.
    """
    return read_audio(path, sample_rate).samples


def read_audio(path: str | Path, sample_rate: int = 16000) -> AudioClip:
    """As `load_audio`, with the warnings: low rate, many channels, clipping, silence, noise, damage."""
    path = Path(path)
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
            channels, warnings = _decode(path.name, container, sample_rate)
    samples, mixing = _to_mono(channels)
    warnings = _header_lies(path, container.format.name) + warnings + mixing + _oddities(samples, sample_rate)
    return AudioClip(np.clip(samples, -1.0, 1.0), sample_rate, tuple(warnings))


def _decode(name: str, container: InputContainer, sample_rate: int) -> tuple[np.ndarray, list[str]]:
    """Decodes the first audio stream to (channels, n) at `sample_rate`, placed on the video's time base."""
    import av

    if not container.streams.audio:
        raise InputError(name, "it has no sound", "Give a file with speech in it.")
    stream = container.streams.audio[0]
    rate, count = stream.rate or 0, stream.codec_context.channels or 0
    if not 1000 <= rate <= 1_000_000 or not 1 <= count <= 64:
        cause = f"its header claims {rate} Hz and {count} channels"
        raise InputError(name, cause, CONVERT)
    warnings = []
    if rate < 16000:
        warnings.append(f"sound is sampled at {rate} Hz: dull sound makes lip motion less exact")
    video = container.streams.video[0] if container.streams.video else None
    origin = _start(video) if video is not None else None
    resampler = av.AudioResampler(format="fltp", layout=stream.codec_context.layout, rate=sample_rate)
    pieces: list[np.ndarray] = []
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
        for out in resampler.resample(frame):
            block = out.to_ndarray()
            if not pieces and gap < 0:  # sound from before the first picture
                block = block[:, min(-gap, block.shape[1]) :]
            elif gap > 0.02 * sample_rate and gap + filled < LONGEST * sample_rate:
                pieces.append(np.zeros((block.shape[0], gap), np.float32))
                filled += gap
                warnings += [f"{gap / sample_rate:.2f} s of sound are missing, taken as silence"]
            gap = 0
            if block.shape[1]:
                pieces.append(block)
                filled += block.shape[1]
        if filled > LONGEST * sample_rate:
            raise InputError(name, f"longer than {LONGEST / 3600:.0f} hours", "Cut it into parts.")
    pieces += [out.to_ndarray() for out in resampler.resample(None)] if pieces else []
    if damaged:
        if not pieces:
            raise InputError(name, "its sound cannot be decoded", CONVERT)
        warnings = [w for w in warnings if "missing" not in w]
        warnings.append(f"{damaged} pieces of its sound are damaged and left out")
    samples = np.concatenate(pieces, axis=1) if pieces else np.zeros((1, 0), np.float32)
    seconds = samples.shape[1] / sample_rate
    if seconds < SHORTEST:
        cause = f"it holds {seconds:.2f} s of sound" if seconds else "it holds no sound at all"
        raise InputError(name, cause, f"Give at least {SHORTEST} s of speech.")
    if not np.isfinite(samples).all():
        raise InputError(
            name, "its samples are not numbers (NaN or infinite)", "Export it again as 16-bit wav."
        )
    promised = _promised(stream, container)
    if promised > seconds + 0.5:
        warnings.append(f"the file promises {promised:.1f} s but holds {seconds:.1f} s of sound")
    return samples, warnings


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


def _to_mono(channels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Mean of the channels, or the loudest one where the mean cancels them (opposite phase)."""
    count = channels.shape[0]
    mono = channels.mean(axis=0)
    power = (channels**2).mean(axis=1)
    warnings = [f"{count} channels are mixed to one"] if count > 2 else []
    if count > 1 and (mono**2).mean() < 0.02 * power.max():
        mono = channels[int(power.argmax())]
        warnings = [f"{count} channels cancel each other: only the loudest one is used"]
    return np.ascontiguousarray(mono, np.float32), warnings


def _oddities(samples: np.ndarray, sample_rate: int) -> list[str]:
    """What a listener would complain about."""
    peak = float(np.abs(samples).max())
    if peak < 1e-4:
        return ["the sound is silent: the mouth will stay at rest"]
    warnings = []
    if (np.abs(samples) >= 0.995).mean() > 0.005:
        warnings.append("the sound is clipped (recorded too loud)")
    block = max(1, sample_rate // 10)
    blocks = samples[: samples.size // block * block].reshape(-1, block)
    loudness = 10 * np.log10(np.percentile((blocks**2).mean(axis=1), 95) + 1e-12)
    if loudness < -45:
        warnings.append(f"the sound is very quiet ({loudness:.0f} dB); it is amplified")
    spectrum = (np.abs(np.fft.rfft(blocks * np.hanning(block), axis=1)) ** 2).mean(axis=0) + 1e-12
    flatness = np.exp(np.log(spectrum).mean()) / spectrum.mean()
    if flatness > 0.5:
        warnings.append("it sounds like noise, not speech: the mouth will hardly move")
    return warnings
