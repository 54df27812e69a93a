"""Read a user's picture file: upright, 8 bits, RGB, whatever it was stored as."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from face3dmm.decoding import check_file
from face3dmm.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 89_000_000  # Pillow warns of decompression bombs from 89.5 million on
BEHIND = (255, 255, 255)  # what shows through transparent parts
_GIVE = "Give a PNG, JPEG or WebP picture."
# First bytes at an offset, and what such a file is.
_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (4, b"ftyphei", "a HEIC photo"),
    (4, b"ftypmif", "a HEIC photo"),
    (4, b"ftypavi", "an AVIF picture"),
    (4, b"ftyp", "a video"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"%PDF", "a PDF document"),
)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is looked at.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright.
        warnings: What was odd about the file, in words.
    """

    pixels: np.ndarray
    warnings: tuple[str, ...] = ()

    def crop(self, window: tuple[int, int, int], size: int = 512) -> np.ndarray:
        """A square window, scaled.

        Args:
            window: Left, top and side in pixels, as `FaceTrack.crop`. What lies outside of the picture
                repeats its edge.
            size: Width and height to scale it to.

        Returns:
            (size, size, 3) uint8 RGB.

        Raises:
            ValueError: If the window has no area or does not touch the picture.
        """
        from PIL import Image

        x0, y0, side = window
        height, width = self.pixels.shape[:2]
        if side <= 0 or size <= 0 or x0 >= width or y0 >= height or min(x0, y0) + side <= 0:
            raise ValueError(f"window {window} at size {size} does not lie in the {width}x{height} picture")
        part = self.pixels[max(y0, 0) : y0 + side, max(x0, 0) : x0 + side]
        before_y, before_x = max(-y0, 0), max(-x0, 0)
        after = (side - before_y - part.shape[0], side - before_x - part.shape[1])
        if before_x or before_y or any(after):
            part = np.pad(part, ((before_y, after[0]), (before_x, after[1]), (0, 0)), "edge")
        whole = Image.fromarray(np.ascontiguousarray(part))
        return np.array(whole.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0))


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Read a PNG, JPEG or WebP file; what it is, its content tells, not its name.

    Turned upright as its EXIF data say; 16 bits become 8; grey, palette and CMYK become RGB; transparent
    parts are shown on white.

    Raises:
        InputError: If it is no regular file, something else than a still picture of these formats, damaged,
            or has more than 89 million pixels.
    """
    from PIL import Image, UnidentifiedImageError

    source = Path(path)
    check_file(source, "a picture such as portrait.jpg")
    too_many = InputError(
        path,
        f"it has more than {MAX_PIXELS // 1_000_000} million pixels",
        "Scale it down to 4000 x 4000.",
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise too_many
                frames = getattr(image, "n_frames", 1)
                if frames > 1 and image.format != "MPO":  # MPO: a photo with others of the same scene behind
                    cause = f"it is an animation of {frames} pictures"
                    raise InputError(path, cause, "Give a still picture, or the person as a video.")
                return _upright(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many from None
    except UnidentifiedImageError as error:
        raise InputError(path, *_something_else(source)) from error
    except (OSError, SyntaxError, ValueError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, "the picture is damaged or cut off", "Save or download it again.") from error


def _upright(image: "Image") -> Picture:
    from PIL import Image, ImageOps

    odd: tuple[str, ...] = ()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits of grey; Pillow itself halves those of RGB
        grey = np.asarray(upright).astype(np.int64) // 257
        return Picture(np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, -1))
    if upright.has_transparency_data:
        layered = upright.convert("RGBA")
        if np.asarray(layered.getchannel("A")).min() < 255:
            odd = ("parts of the picture are transparent: they are shown on white",)
        upright = Image.alpha_composite(Image.new("RGBA", layered.size, (*BEHIND, 255)), layered)
    return Picture(np.array(upright.convert("RGB")), odd)


def _something_else(path: Path) -> tuple[str, str]:
    """Cause and cure for a file that is none of the formats."""
    with open(path, "rb") as file:
        head = file.read(16)
    for offset, magic, name in _OTHERS:
        if head[offset:].startswith(magic):
            cure = (
                "Give one picture of it as PNG or JPEG." if name == "a video" else "Save it as PNG or JPEG."
            )
            return f"it is {name}, not a PNG, JPEG or WebP picture", cure
    return "it is not a picture that can be read", _GIVE
