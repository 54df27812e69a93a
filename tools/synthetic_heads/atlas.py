"""One picture per person holds all textures; every part has its rectangle in it."""

from dataclasses import dataclass

import cv2
import numpy as np

SIZE = 2048


@dataclass(frozen=True)
class Region:
    """Rectangle of the atlas, in pixels."""

    x: int
    y: int
    width: int
    height: int

    def uv(self, s: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Atlas pixels (..., 2) of s across and t down in [0, 1]; kept a pixel away from the neighbours."""
        s = np.clip(s, 0, 1) * (self.width - 5) + self.x + 2
        t = np.clip(t, 0, 1) * (self.height - 5) + self.y + 2
        return np.stack([s, t], -1).astype(np.float32)


SKIN = Region(0, 0, 1152, 1152)
HAIR = Region(1152, 0, 896, 576)
EYES = Region(1152, 576, 512, 256)  # left half: the left eye
MOUTH = Region(1664, 576, 384, 384)
EAR = Region(1152, 832, 256, 256)
LASH = Region(1408, 832, 256, 128)
GLASSES = Region(1408, 960, 256, 128)
STRANDS = Region(1664, 960, 384, 192)  # single strands that stand off the hair
TORSO = Region(0, 1152, 1408, 896)
COLLAR = Region(1408, 1152, 640, 448)
NECK = Region(1408, 1600, 640, 448)


class Atlas:
    """Texture of one person: uint8 RGBA, sRGB; alpha is highlight strength or opacity (see `mesh.Part`)."""

    def __init__(self) -> None:
        self.picture = np.zeros((SIZE, SIZE, 4), np.uint8)
        self._levels: list[np.ndarray] = []

    def paint(self, region: Region, colour: np.ndarray, alpha: np.ndarray | float) -> None:
        """Fill a region with colour (H, W, 3) and alpha (H, W) or one number, both in [0, 1]."""
        rows, columns = slice(region.y, region.y + region.height), slice(region.x, region.x + region.width)
        self.picture[rows, columns, :3] = np.clip(colour * 255 + 0.5, 0, 255)
        self.picture[rows, columns, 3] = np.clip(np.asarray(alpha) * 255 + 0.5, 0, 255)

    def level(self, reduction: float) -> tuple[np.ndarray, float]:
        """The texture reduced by about `reduction` texels per pixel, with its scale (1, 1/2 or 1/4)."""
        if not self._levels:
            self._levels = [self.picture]
            for _ in range(2):
                last = self._levels[-1]
                self._levels.append(cv2.resize(last, (len(last) // 2,) * 2, interpolation=cv2.INTER_AREA))
        number = int(np.clip(round(np.log2(max(reduction, 0.1)) - 0.1), 0, 2))
        return self._levels[number], 0.5**number
