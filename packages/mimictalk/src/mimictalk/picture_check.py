"""Can a face be learned from these pictures? Its size, its sharpness and its light.

Light is read at the points of the face mesh, so that no background counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mimictalk.judgement import GO, NO_GO, WARN, Judgement

EVERY = 12  # frames from one look at sharpness to the next: twice a second
SMALL_FACE = 137  # pixels of the source across the face mesh: 160 across the box the tracker warns at
BLURRED, LOST = 110.0, 32.0  # pixels across the face that hold detail; the avatar's own face has about 220
# Octaves of a sharp face: each holds about 0.6 of the detail of the next coarser, the finest of a coded video
# 0.52 (four clips: 0.52 to 0.57); a smooth picture holds 0.25 of it, one blurred by Gaussians 0.28.
SHARP, SMOOTH, OCTAVES = 0.52, 0.28, 4
DARK, BLACK = 40.0, 8.0  # luminance of 255; clips at 16 can be tracked
BRIGHT = 250  # of 255: where a channel ends
CLIPPED, WHITE = 0.1, 0.6  # shares of the face; five clips in usual light: at most 0.01
UNEVEN = 1.75  # sides of a face in usual light differ by at most 1.4
FLICKER, FLICKER_LEVELS = 0.01, 0.5  # of the brightness, and of 255; five clips: 0.001 to 0.004


@dataclass
class FaceLight:
    """What is gathered of a clip, frame by frame.

    Attributes:
        luminance: Mean of the face in each frame, 0 to 255.
        clipped: Share of the mesh points of each frame at which a channel ends.
        sides: Brightness of the picture's left side of the face over the right one's, of each frame.
        octaves: (OCTAVES + 1,) detail of the face from fine to coarse, of some frames.
        widths: Of the face mesh in pixels of the working picture, of the same frames.
    """

    luminance: list[float] = field(default_factory=list)
    clipped: list[float] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)
    octaves: list[NDArray[np.float64]] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)

    def see(self, frame: NDArray[np.uint8], points: NDArray[np.float32]) -> None:
        """Look at a frame.

        Args:
            frame: (S, S, 3) RGB.
            points: (468, 2) the face mesh in pixels.
        """
        from portrait3d.metrics.pixels import luma

        inside = np.clip(points.round().astype(int), 0, len(frame) - 1)
        colours = frame[inside[:, 1], inside[:, 0]]
        bright = luma(colours[None])[0]
        left = points[:, 0] < np.median(points[:, 0])
        self.sides.append(float((np.median(bright[left]) + 1) / (np.median(bright[~left]) + 1)))
        self.clipped.append(float((colours >= BRIGHT).any(-1).mean()))
        if len(self.luminance) % EVERY == 0:
            low = np.clip(points.min(0).astype(int), 0, len(frame) - 1)
            high = np.clip(points.max(0).astype(int) + 1, 1, len(frame))
            self.octaves.append(octaves(luma(frame[low[1] : high[1], low[0] : high[0]])))
            self.widths.append(float(np.ptp(points[:, 0])))
        self.luminance.append(float(bright.mean()))


def octaves(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """(OCTAVES + 1,) detail of a (H, W) picture and of its halves: RMS of the Laplacian, fine to coarse."""
    from portrait3d.metrics.detail import halve, rms_laplacian

    found = []
    for _ in range(OCTAVES + 1):
        found.append(rms_laplacian(picture) if min(picture.shape) > 2 else float("nan"))
        picture = halve(picture)
    return np.array(found)


def lost_octaves(detail: NDArray[np.float64]) -> float:
    """How many of the finest octaves of (OCTAVES + 1,) detail are empty: 0 for a sharp picture, and one more
    for each time its blur doubles (Field 1987: natural pictures have detail at every scale).

    What is finer than an empty octave is noise, however much there is of it.
    """
    ratio = detail[:-1] / np.maximum(detail[1:], 1e-9)
    empty = np.nan_to_num(np.clip((SHARP - ratio) / (SHARP - SMOOTH), 0, 1))
    return float(np.maximum.accumulate(empty[::-1]).sum())


def judge_pictures(
    frames: Iterable[NDArray[np.uint8]], landmarks: NDArray[np.float32], seen: NDArray[np.bool_], side: int
) -> list[Judgement]:
    """Judge the face of a clip.

    Args:
        frames: T working pictures (512, 512, 3).
        landmarks: (T, >= 468, >= 2) in pixels of these.
        seen: (T,) where the face was found; other frames do not count.
        side: Of the working picture in pixels of the source.
    """
    light = FaceLight()
    for frame, points, use in zip(frames, landmarks, seen, strict=False):
        if use:
            light.see(frame, points[:468, :2])
    width = float(np.median(light.widths))
    return [_size(width * side / 512), _sharpness(light, width), _light(light), _flicker(light)]


def _size(pixels: float) -> Judgement:
    found, numbers = f"{pixels:.0f} pixels across", {"pixels": round(pixels, 1)}
    if pixels < SMALL_FACE:
        cure = f"Film it closer or at a higher resolution: {SMALL_FACE} pixels or more."
        return Judgement("face size", WARN, f"the face is small: {found}", cure, numbers)
    return Judgement("face size", GO, found, numbers=numbers)


def _sharpness(light: FaceLight, width: float) -> Judgement:
    sharp = width * 2 ** -lost_octaves(np.median(light.octaves, axis=0))
    numbers = {"sharp_pixels": round(sharp, 1)}
    found = f"detail as of a face of {sharp:.0f} pixels"
    cure = "Focus on the eyes, wipe the lens, hold still, use more light, and export at a higher quality."
    if sharp < LOST:
        return Judgement("sharpness", NO_GO, f"the face is too blurred: {found}", cure, numbers)
    if sharp < BLURRED:
        return Judgement("sharpness", WARN, f"the face is blurred: {found}", cure, numbers)
    return Judgement("sharpness", GO, found, numbers=numbers)


def _light(light: FaceLight) -> Judgement:
    level, clipped = float(np.median(light.luminance)), float(np.median(light.clipped))
    sides = float(np.median(light.sides))
    ratio = max(sides, 1 / sides)
    numbers = {"luminance": round(level, 1), "clipped": round(clipped, 3), "sides": round(ratio, 2)}
    found = f"brightness {level:.0f} of 255, {clipped:.0%} clipped, sides 1 to {ratio:.1f}"
    more = "Film it in better light: a window or a lamp in front of the face."
    less = "Lower the exposure, or move out of the glaring light."
    if level < BLACK:
        return Judgement("light", NO_GO, f"the face is black: {found}", more, numbers)
    if clipped > WHITE:
        return Judgement("light", NO_GO, f"the face is overexposed: {found}", less, numbers)
    if level < DARK:
        return Judgement("light", WARN, f"the face is very dark: {found}", more, numbers)
    if clipped > CLIPPED:
        return Judgement("light", WARN, f"the face is partly overexposed: {found}", less, numbers)
    if ratio > UNEVEN:
        cure = "Turn towards the light, or light the darker side too: the avatar keeps the shadow it learns."
        return Judgement("light", WARN, f"the light is uneven: {found}", cure, numbers)
    return Judgement("light", GO, found, numbers=numbers)


def _flicker(light: FaceLight) -> Judgement:
    level = np.array(light.luminance)
    if len(level) < 3:
        return Judgement("flicker", GO, "too few frames to tell")
    # Second differences: slow changes cancel, white noise comes out sqrt(6) times too large. The median of
    # the deviation (over 0.6745) is not moved by cuts.
    bend = np.abs(level[2:] - 2 * level[1:-1] + level[:-2])
    change = float(np.median(bend)) / 0.6745 / 6**0.5
    share = change / max(float(level.mean()), 1.0)
    numbers = {"share": round(share, 4)}
    found = f"brightness changes by {share:.1%} from frame to frame"
    if share > FLICKER and change > FLICKER_LEVELS:
        cure = "Use daylight or lamps that do not flicker, and set the camera to 50 or 60 Hz as your mains."
        return Judgement("flicker", WARN, f"the light flickers: {found}", cure, numbers)
    return Judgement("flicker", GO, found, numbers=numbers)
