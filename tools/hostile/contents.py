"""Clips that are whole as files and unfit, or odd, in what they show: made from the demo's computed person."""

import io
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib.resources import files
from typing import Any

import av
import numpy as np
from scipy.ndimage import gaussian_filter, rotate, zoom

from hostile.case import EITHER, FILE, REFUSED, USED, Case
from hostile.recordings import picture

CHECK = ("check", FILE, "--quiet")
FRAMES = 50
Frames = list[np.ndarray]
Verdict = tuple[Callable[[Frames], Sequence[np.ndarray]], frozenset[int], str]


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (change, exits, word) in {**_faces(), **_light(), **_place(), **_time()}.items():
        build = lambda path, c=change: path.write_bytes(_coded(c(person())))  # noqa: E731
        yield Case("content", f"{name}.mp4", build, CHECK, exits, word)


@cache
def person(frames: int = FRAMES) -> Frames:
    """(256, 256, 3) uint8 pictures of the demo's person, who does not exist."""
    clip = files("mimictalk") / "data" / "demo" / "reference.mp4"
    with av.open(io.BytesIO(clip.read_bytes())) as file:
        found = []
        for frame in file.decode(video=0):
            found.append(frame.reformat(256, 256).to_ndarray(format="rgb24"))
            if len(found) == frames:
                break
    return found


def _coded(frames: Sequence[np.ndarray]) -> bytes:
    still = all(frame is frames[0] for frame in frames)  # coded without loss: noise of the coder would move
    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as file:
        stream: Any = file.add_stream(
            "libx264", rate=25, options={"preset": "ultrafast", **({"qp": "0"} if still else {})}
        )
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        file.mux(stream.encode(None))
    return held.getvalue()


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Frames], Frames]:
    return lambda frames: [change(frame.copy()) for frame in frames]


def _filled(
    frame: np.ndarray, top: float, bottom: float, left: float, right: float, value: int
) -> np.ndarray:
    """With a rectangle (shares of the picture) of one colour."""
    height, width = frame.shape[:2]
    frame[int(top * height) : int(bottom * height), int(left * width) : int(right * width)] = value
    return frame


def _faces() -> dict[str, Verdict]:
    """No face, several, another one, a covered one."""
    draw = np.random.default_rng(0)
    found: dict[str, Verdict] = {
        "nobody": (lambda frames: [picture(k, 256, 256) for k in range(FRAMES)], REFUSED, "no face"),
        "a black picture": (_each(lambda f: 0 * f), REFUSED, ""),
        "a white picture": (_each(lambda f: 0 * f + 255), REFUSED, ""),
        "noise": (_each(lambda f: draw.integers(0, 256, f.shape, np.uint8)), REFUSED, "no face"),
        "two people": (_each(lambda f: np.concatenate([f, f[:, ::-1]], 1)), USED, "faces"),
        "three people": (_each(lambda f: np.concatenate([f, f[:, ::-1], f], 1)), USED, "faces"),
        "four people": (_each(lambda f: np.tile(f, (2, 2, 1))), USED, "faces"),
        "mirrored": (_each(lambda f: f[:, ::-1]), USED, ""),
        "upside down": (_each(lambda f: f[::-1]), REFUSED, ""),
        "turned over": (_each(lambda f: f[::-1, ::-1]), REFUSED, "upside down"),
        "lying to the left": (_each(lambda f: np.rot90(f)), EITHER, ""),
        "lying to the right": (_each(lambda f: np.rot90(f, 3)), EITHER, ""),
        "negative": (_each(lambda f: 255 - f), EITHER, ""),
        "only eyes": (_each(lambda f: _filled(f, 0.5, 1, 0, 1, 90)), EITHER, ""),
        "only mouth": (_each(lambda f: _filled(f, 0, 0.5, 0, 1, 90)), EITHER, ""),
        "left half": (_each(lambda f: _filled(f, 0, 1, 0.5, 1, 90)), EITHER, ""),
        "right half": (_each(lambda f: _filled(f, 0, 1, 0, 0.5, 90)), EITHER, ""),
        "behind bars": (_each(lambda f: _stripes(f, 24)), EITHER, ""),
        "behind a fence": (_each(lambda f: _stripes(f, 8)), EITHER, ""),
    }
    for name, (top, bottom) in {
        "mouth covered": (0.55, 0.72),
        "eyes covered": (0.36, 0.48),
        "face covered": (0.3, 0.75),
    }.items():
        for value in (0, 120, 250):
            cover = partial(_filled, top=top, bottom=bottom, left=0.25, right=0.75, value=value)
            found[f"{name} in grey {value}"] = (_each(cover), EITHER, "")
    return found


def _stripes(frame: np.ndarray, step: int) -> np.ndarray:
    frame[:, ::step] = 0
    for offset in range(1, step // 3):
        frame[:, offset::step] = 0
    return frame


def _light() -> dict[str, Verdict]:
    """Dark, bright, flat, blurred, coarse, noisy."""
    draw = np.random.default_rng(1)
    found: dict[str, Verdict] = {}
    for share in (0.02, 0.06, 0.12, 0.25):
        found[f"dark to {share}"] = (_each(lambda f, s=share: (f * s).astype(np.uint8)), EITHER, "")
    for add in (80, 150, 220):
        found[f"bright by {add}"] = (
            _each(lambda f, a=add: np.minimum(f.astype(int) + a, 255).astype(np.uint8)),
            EITHER,
            "",
        )
    for share in (0.05, 0.15, 0.3):
        found[f"flat to {share}"] = (
            _each(lambda f, s=share: (128 + s * (f.astype(float) - 128)).astype(np.uint8)),
            EITHER,
            "",
        )
    for width in (2, 5, 10, 20):
        found[f"blurred by {width}"] = (_each(lambda f, w=width: gaussian_filter(f, (w, w, 0))), EITHER, "")
    for step in (4, 8, 16, 32):
        found[f"mosaic of {step}"] = (
            _each(lambda f, s=step: f[::s, ::s].repeat(s, 0).repeat(s, 1)),
            EITHER,
            "",
        )
    for width in (20, 60, 120):
        found[f"noisy by {width}"] = (
            _each(lambda f, w=width: np.clip(f + draw.normal(0, w, f.shape), 0, 255).astype(np.uint8)), EITHER, "",
        )  # fmt: skip
    for levels in (2, 4):
        found[f"{levels} levels"] = (
            _each(lambda f, n=levels: (f // (256 // n) * (256 // n)).astype(np.uint8)),
            EITHER,
            "",
        )
    found["grey"] = (_each(lambda f: f.mean(2, keepdims=True).repeat(3, 2).astype(np.uint8)), USED, "")
    found["red alone"] = (_each(lambda f: f * np.array([1, 0, 0], np.uint8)), EITHER, "")
    return found


def _place() -> dict[str, Verdict]:
    """Small, far, at the rim, squeezed, turned."""
    found: dict[str, Verdict] = {}
    for size in (128, 64, 32):
        found[f"shrunk to {size}"] = (
            _each(lambda f, s=size: zoom(f, (s / 256, s / 256, 1), order=1)),
            EITHER,
            "",
        )
    for share in (2, 3, 5):
        found[f"far by {share}"] = (_each(lambda f, s=share: _far(f, s)), EITHER, "")
    for shift in (0.3, 0.45, 0.6):
        found[f"leaving to the right by {shift}"] = (_each(lambda f, s=shift: _shifted(f, s, 1)), EITHER, "")
        found[f"leaving below by {shift}"] = (_each(lambda f, s=shift: _shifted(f, s, 0)), EITHER, "")
    for angle in (20, 45, 70):
        found[f"tilted by {angle}"] = (
            _each(lambda f, a=angle: rotate(f, a, reshape=False, order=1)),
            EITHER,
            "",
        )
    found["squeezed"] = (_each(lambda f: f[:, ::3][:, :84]), EITHER, "")
    found["stretched"] = (_each(lambda f: f.repeat(3, 1)), EITHER, "")
    return found


def _far(frame: np.ndarray, share: int) -> np.ndarray:
    small = frame[::share, ::share]
    canvas = np.full_like(frame, 100)
    canvas[: len(small), : small.shape[1]] = small
    return canvas


def _shifted(frame: np.ndarray, share: float, axis: int) -> np.ndarray:
    steps = int(share * frame.shape[axis])
    moved = np.roll(frame, steps, axis)
    return _filled(moved, 0, share if axis == 0 else 1, 0, share if axis == 1 else 1, 100)


def _time() -> dict[str, Verdict]:
    """What happens in the course of a clip."""

    def blank(frames: Frames, first: int, last: int) -> Frames:
        return [0 * frame + 90 if first <= k < last else frame for k, frame in enumerate(frames)]

    return {
        "still": (lambda frames: [frames[0]] * FRAMES, REFUSED, "still"),
        "still, with a coder's noise": (lambda frames: [frames[0].copy() for _ in range(FRAMES)], EITHER, ""),
        "ten frames": (lambda frames: frames[:10], REFUSED, "short"),
        "face enters late": (lambda frames: blank(frames, 0, 25), EITHER, ""),
        "face leaves early": (lambda frames: blank(frames, 25, FRAMES), EITHER, ""),
        "face away in the middle": (lambda frames: blank(frames, 15, 35), EITHER, ""),
        "face in one frame": (lambda frames: blank(frames, 1, FRAMES), REFUSED, "face"),
        "face in every fourth frame": (lambda frames: [f if k % 4 == 0 else 0 * f for k, f in enumerate(frames)], EITHER, ""),
        "flickering": (lambda frames: [f if k % 2 else (f * 0.3).astype(np.uint8) for k, f in enumerate(frames)], EITHER, ""),
        "cut to a mirror image": (lambda frames: [f if k < 25 else f[:, ::-1] for k, f in enumerate(frames)], EITHER, ""),
        "cut to upside down": (lambda frames: [f if k < 25 else f[::-1] for k, f in enumerate(frames)], EITHER, ""),
        "cuts every five frames": (lambda frames: [np.roll(f, 60 * (k // 5 % 3), 1) for k, f in enumerate(frames)], EITHER, ""),
        "shaken": (lambda frames: [np.roll(f, (11 * k) % 23, 1) for k, f in enumerate(frames)], EITHER, ""),
        "backwards": (lambda frames: frames[::-1], USED, ""),
        "four frames over and over": (lambda frames: [frames[k % 4] for k in range(FRAMES)], EITHER, ""),
        "frames in disorder": (lambda frames: [frames[(17 * k) % FRAMES] for k in range(FRAMES)], EITHER, ""),
    }  # fmt: skip
