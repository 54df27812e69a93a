"""Pictures to look at: contact sheets of frames and plots of mouth openings, never kept in the repository."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from measure_line.clips import FPS
from measure_line.picture_measures import Box

COLUMNS = 8
TILE = 256
DIFFERENCE_GAIN = 4


def difference(true: np.ndarray, output: np.ndarray) -> np.ndarray:
    """Return |true - output| times 4, uint8."""
    return np.clip(np.abs(true.astype(np.int16) - output) * DIFFERENCE_GAIN, 0, 255).astype(np.uint8)


def tile(frame: np.ndarray, box: Box | None) -> np.ndarray:
    """Cut a box out of a frame and resize it to a square tile of 256 pixels."""
    from PIL import Image

    picture = Image.fromarray(frame.astype(np.uint8))
    return np.asarray(picture.resize((TILE, TILE), Image.Resampling.LANCZOS, box=box))


def contact_sheet(
    path: Path, rows: dict[str, np.ndarray], boxes: list[Box] | None = None, columns: int = COLUMNS
) -> None:
    """Write rows of frames side by side, evenly spread over the clip, each row with its name.

    Args:
        path: The PNG to write.
        rows: Name to (T, H, W, 3) uint8 frames, the same T everywhere.
        boxes: T boxes to enlarge, or None for whole frames.
        columns: How many frames of each row.
    """
    from PIL import Image, ImageDraw

    length = min(len(frames) for frames in rows.values())
    chosen = np.linspace(0, length - 1, min(columns, length)).round().astype(int)
    lines = []
    for frames in rows.values():
        lines.append(np.concatenate([tile(frames[i], boxes[i] if boxes else None) for i in chosen], axis=1))
    sheet = Image.fromarray(np.concatenate(lines, axis=0))
    draw = ImageDraw.Draw(sheet)
    for index, name in enumerate(rows):
        draw.rectangle((0, index * TILE, 8 * len(name) + 8, index * TILE + 16), fill=(0, 0, 0))
        draw.text((4, index * TILE + 2), name, fill=(255, 255, 255))
    for index, frame in enumerate(chosen):
        draw.text((index * TILE + 4, TILE - 14), f"frame {frame}", fill=(255, 255, 0))
    sheet.save(path)


def plot_curves(path: Path, title: str, curves: dict[str, NDArray[np.float64]]) -> None:
    """Write curves over time as a PNG, the first one as the truth in black, each under the next.

    Args:
        path: The PNG to write.
        title: Over the plot.
        curves: Name to (T,) values at 25 per second.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(14, 4), layout="constrained")
    for index, (name, values) in enumerate(curves.items()):
        style = {"color": "black", "linewidth": 1.6} if index == 0 else {"linewidth": 1.0}
        axes.plot(np.arange(len(values)) / FPS, values, label=name, **style)
    axes.set(title=title, xlabel="seconds", ylabel="mouth opening / eye distance")
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
