"""Resampling by presentation time stamps: what is on the screen at each moment of an even time grid."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

Frame = TypeVar("Frame")
_CANDIDATES = 20  # phases tried within one output period


def resample(
    frames: Iterable[tuple[float, Frame]],
    fps: float = 25.0,
    phase: float = 0.0,
    last_for: Callable[[], float] = lambda: 0.0,
) -> Iterator[Frame]:
    """Give the frame that is on the screen at start + phase + k / fps, for k = 0, 1, ...

    A frame stays until the next one comes, however long that takes; half a period of reach makes it the
    nearest frame where frames are dense. Times that do not increase are skipped.

    Args:
        frames: (seconds, frame), at least roughly in order.
        fps: Output rate.
        phase: Shift of the grid against the first frame's time, in [-0.5, 0.5] / fps.
        last_for: How long the last frame stays, asked when it is known to be the last.

    Yields:
        Frames; the same object again where a frame is held.
    """
    half = 0.5 / fps
    reach = half - 1e-4
    start, last, count = 0.0, 0.0, 0
    held: list[Frame] = []
    for time, frame in frames:
        if not held:
            start = time + phase
        elif time <= last:
            continue
        else:
            while start + count / fps + reach < time:
                yield held[0]
                count += 1
        held, last = [frame], time
    while held and (count == 0 or start + count / fps + half <= last + last_for() + 1e-6):
        yield held[0]
        count += 1


def on_grid(times: Sequence[float], fps: float = 25.0, tolerance: float = 0.002) -> bool:
    """Return whether all times, in seconds, are whole multiples of 1 / fps after the first."""
    steps = [(time - times[0]) * fps for time in times]
    return all(abs(step - round(step)) <= tolerance * fps for step in steps)


def best_phase(times: Sequence[float], changes: Sequence[float], fps: float = 25.0) -> float:
    """Find the grid that shows as many different pictures as possible.

    25 fps footage in a 30 fps container repeats every sixth frame; a grid that starts at the wrong moment
    shows some pictures twice and others never. The right one shows each picture once.

    Args:
        times: Seconds of the frames, increasing.
        changes: How much each frame differs from the one before it, any unit, never negative.
        fps: Output rate.

    Returns:
        Phase for `resample`, 0 unless another one is better.
    """
    if len(times) < 3 or on_grid(times, fps):
        return 0.0
    threshold = 0.1 * sorted(changes)[len(changes) * 3 // 4]
    picture, pictures = 0, []
    for change in changes:
        picture += change > threshold
        pictures.append(picture)
    phases = [(step / _CANDIDATES - 0.5) / fps for step in range(_CANDIDATES)]
    shown = [len(set(resample(zip(times, pictures, strict=True), fps, phase))) for phase in phases]
    middle = _CANDIDATES // 2
    if min(shown[middle - 2 : middle + 3]) >= max(shown) - 1:
        return 0.0
    run, best = 0, (0, middle)
    for step, number in enumerate(shown):
        run = run + 1 if number == max(shown) else 0
        best = max(best, (run, step))
    return phases[best[1] - (best[0] - 1) // 2]
