"""Read, cut and write the clips to measure, by presentation time stamps."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS = 25
SAMPLE_RATE = 16000


@dataclass(frozen=True)
class Split:
    """A clip in two parts, and the true frames of both.

    Attributes:
        first: File with the part before the cut, with sound.
        last: File with the part after the cut, with sound, starting at time 0.
        first_frames: (T1, H, W, 3) uint8 RGB, decoded from the original clip.
        last_frames: (T2, H, W, 3) uint8 RGB, decoded from the original clip.
    """

    first: Path
    last: Path
    first_frames: np.ndarray
    last_frames: np.ndarray


def read_frames(path: Path) -> np.ndarray:
    """Decode a clip at 25 frames per second: for each tick the frame that is on the screen half a tick later.

    Args:
        path: A video file of at least one frame; time 0 is its first frame.

    Returns:
        (T, H, W, 3) uint8 RGB.
    """
    frames: list[np.ndarray] = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        start = shown = None
        for frame in container.decode(stream):
            start = frame.time if start is None else start
            while shown is not None and (len(frames) + 0.5) / FPS < frame.time - start:
                frames.append(shown)
            shown = frame.to_ndarray(format="rgb24")
            end = frame.time - start + float((frame.duration or 0) * (frame.time_base or 0))
    if shown is None:
        raise ValueError(f"{path} holds no video frame")
    frames.append(shown)
    while (len(frames) + 0.5) / FPS < end:
        frames.append(shown)
    return np.stack(frames)


def read_sound(path: Path, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Decode the first sound stream to mono.

    Returns:
        (n,) float32 in [-1, 1].
    """
    chunks: list[np.ndarray] = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
        for frame in container.decode(audio=0):
            chunks += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        chunks += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(chunks)


def write_clip(path: Path, frames: np.ndarray, sound: np.ndarray, sample_rate: int) -> None:
    """Write frames and sound as H.264 (visually lossless, crf 8) and AAC.

    Args:
        path: The mp4 file to make.
        frames: (T, H, W, 3) uint8 RGB, even height and width.
        sound: (n,) float32 mono in [-1, 1].
        sample_rate: Of `sound`, in hertz.
    """
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "8", "preset": "veryfast"})
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=sample_rate, layout="mono")
        audio.bit_rate = 192_000
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, len(sound), 1024):
            chunk = np.ascontiguousarray(sound[None, start : start + 1024], dtype=np.float32)
            block = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = sample_rate, start, Fraction(1, sample_rate)
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def write_wav(path: Path, sound: np.ndarray, sample_rate: int = SAMPLE_RATE) -> None:
    """Write (n,) float32 mono sound in [-1, 1] as 16-bit PCM."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).round().astype("<i2").tobytes())


def cut(clip: Path, at: float, folder: Path) -> Split:
    """Cut a clip in two at a fraction of its frames, sound and picture at the same instant.

    Args:
        clip: The file to cut.
        at: Where, as a fraction of the length in (0, 1).
        folder: Where `first.mp4` and `last.mp4` are written.

    Returns:
        The two files and the true frames of each part.
    """
    if not 0 < at < 1:
        raise ValueError(f"at must lie between 0 and 1, got {at}")
    frames, sound = read_frames(clip), read_sound(clip, 48000)
    frame_cut = round(len(frames) * at)
    sound_cut = round(frame_cut / FPS * 48000)
    folder.mkdir(parents=True, exist_ok=True)
    split = Split(folder / "first.mp4", folder / "last.mp4", frames[:frame_cut], frames[frame_cut:])
    write_clip(split.first, split.first_frames, sound[:sound_cut], 48000)
    write_clip(split.last, split.last_frames, sound[sound_cut:], 48000)
    return split
