"""What a person looks like while they are being learned: a picture and two curves in the run's folder."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from mimictalk.adapt_charts import chart_file, line_chart
from mimictalk.atomic import atomic_file, write_bytes

if TYPE_CHECKING:
    import numpy as np

    from portrait3d.adaptation import PortraitAdaptation

PICTURE, LOSS, HELD_OUT = "preview.png", "loss.svg", "held_out.svg"
EVERY_S = 20.0
SIDE = 256


class LivePreview:
    """Draws rows of source, truth and drawing, first before anything is learned, then every 20 s.

    Args:
        folder: Of the run.
        backbone: What learns.
    """

    def __init__(self, folder: Path, backbone: "PortraitAdaptation") -> None:
        self.folder, self.backbone = folder, backbone
        self.frames = shown_frames(backbone)
        self.loss: list[tuple[float, float]] = []
        self.held_out: list[tuple[float, float]] = []
        self.drawn_at = float("-inf")

    def step(self, done: int, terms: dict[str, float]) -> None:
        """After each step."""
        if "loss" in terms:
            self.loss.append((done, terms["loss"]))
        if time.monotonic() - self.drawn_at >= EVERY_S:
            self.draw()

    def look(self, step: int, numbers: dict[str, float]) -> None:
        """After each look at held-out frames."""
        if "psnr" in numbers:
            self.held_out.append((step, numbers["psnr"]))

    def draw(self) -> None:
        """Write the picture and the curves, each whole or not at all."""
        from PIL import Image

        with atomic_file(self.folder / PICTURE) as temporary:
            Image.fromarray(preview_grid(self.backbone, self.frames)).save(temporary)
        loss = smoothed(self.loss)
        for name, title, curve in ((LOSS, "loss", loss), (HELD_OUT, "held-out PSNR, dB", self.held_out)):
            if curve:
                chart = chart_file(line_chart(title, {title: curve}, "steps"))
                write_bytes(self.folder / name, chart.encode())
        self.drawn_at = time.monotonic()


def shown_frames(backbone: "PortraitAdaptation") -> list[int]:
    """The source frame, the widest mouth, and a held-out frame where there is one."""
    clip = backbone.clip
    usable = clip.usable()
    widest = int(usable[int(clip.opening[usable].argmax())])
    held_out = backbone.held_out[len(backbone.held_out) // 2 :][:1]
    return list(dict.fromkeys([backbone.source, widest, *held_out]))


def preview_grid(backbone: "PortraitAdaptation", frames: list[int]) -> "np.ndarray":
    """(rows * 256, 768, 3) uint8: for each frame the source, the true frame, and the frame as drawn now."""
    import torch
    from torch.nn import functional as F

    clip, layers = backbone.clip, backbone.layers()
    rows = []
    for index in frames:
        tiles = [clip.picture(backbone.source), clip.picture(index), backbone.draw(index, layers).cpu()]
        small = [F.interpolate(tile, (SIDE, SIDE), mode="area") for tile in tiles]
        rows.append(torch.cat(small, 3))
    grid = torch.cat(rows, 2)[0].permute(1, 2, 0)
    return (grid.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def smoothed(curve: list[tuple[float, float]], points: int = 100) -> list[tuple[float, float]]:
    """About `points` means of a noisy curve: single batches differ too much to be read."""
    size = max(1, len(curve) // points)
    groups = [curve[start : start + size] for start in range(0, len(curve), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]
