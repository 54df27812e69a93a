"""Contact sheets: rows of frames beside each other, to look at what figures do not say."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

COLUMNS = 8
TILE = 256
DIFFERENCE_GAIN = 4
Box = tuple[int, int, int, int]


def difference(true: "np.ndarray", output: "np.ndarray") -> "np.ndarray":
    """Return |true - output| times 4, uint8."""
    import numpy as np

    return np.clip(np.abs(true.astype(np.int16) - output) * DIFFERENCE_GAIN, 0, 255).astype(np.uint8)


def evenly_spread(length: int, columns: int = COLUMNS) -> list[int]:
    """Numbers of up to `columns` frames of a clip, the first and the last among them."""
    columns = min(columns, length)
    return [round(i * (length - 1) / max(1, columns - 1)) for i in range(columns)]


def contact_sheet(
    path: Path,
    rows: "dict[str, np.ndarray]",
    boxes: Sequence[Box] | None = None,
    columns: int = COLUMNS,
    numbers: Sequence[int] | None = None,
) -> None:
    """Write rows of frames side by side, evenly spread over the clip, each row with its name.

    Args:
        path: The PNG to write.
        rows: Name to (T, H, W, 3) uint8 frames, the same T everywhere.
        boxes: T boxes to enlarge, or None for whole frames.
        columns: How many frames of each row.
        numbers: What to write under each of the T frames; by default its place in the row.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    chosen = evenly_spread(min(len(frames) for frames in rows.values()), columns)
    lines = []
    for frames in rows.values():
        lines.append(np.concatenate([_tile(frames[i], boxes[i] if boxes else None) for i in chosen], axis=1))
    sheet = Image.fromarray(np.concatenate(lines, axis=0))
    draw = ImageDraw.Draw(sheet)
    for index, name in enumerate(rows):
        draw.rectangle((0, index * TILE, 8 * len(name) + 8, index * TILE + 16), fill=(0, 0, 0))
        draw.text((4, index * TILE + 2), name, fill=(255, 255, 255))
    for index, frame in enumerate(chosen):
        number = frame if numbers is None else numbers[frame]
        draw.text((index * TILE + 4, TILE - 14), f"frame {number}", fill=(255, 255, 0))
    sheet.save(path)


def _tile(frame: "np.ndarray", box: Box | None) -> "np.ndarray":
    """Cut a box out of a frame and resize it to a square tile of 256 pixels."""
    import numpy as np
    from PIL import Image

    picture = Image.fromarray(frame.astype(np.uint8))
    return np.asarray(picture.resize((TILE, TILE), Image.Resampling.LANCZOS, box=box))
