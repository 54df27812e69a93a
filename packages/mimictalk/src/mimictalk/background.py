"""The picture behind the person: kept, one colour, or an image."""

import re
from pathlib import Path

import numpy as np

from mimictalk.errors import InputError

SIZE = 512
LARGEST = 50_000_000  # pixels; a small file can unfold to gigabytes
_COLOUR = re.compile(r"^#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})$")


def load_background(text: str) -> np.ndarray | None:
    """Read the value of `--background`.

    Args:
        text: "keep", "#rrggbb", or the path of a PNG, JPEG or WebP picture, which is cropped to a square.

    Returns:
        (512, 512, 3) uint8 RGB, or None for "keep".

    Raises:
        InputError: If it is none of these, or the picture is too large or damaged.
    """
    if text == "keep":
        return None
    colour = _COLOUR.match(text)
    if colour:
        return np.full((SIZE, SIZE, 3), [int(part, 16) for part in colour.groups()], np.uint8)
    if text.startswith("#"):
        raise InputError(
            "--background", f"{text!r} is not a colour", "Write it as #rrggbb, for example #00ff00."
        )
    path = Path(text)
    if not path.is_file():
        raise InputError(
            path, "there is no such picture", "Give keep, #rrggbb or the name of a picture file."
        )
    from mimictalk.decoded_pictures import read_background

    return read_background(path)


def fitted_picture(path: Path) -> np.ndarray:
    """(512, 512, 3) uint8 RGB of a picture file, upright, cropped to a square.

    Decodes in this process: `decoded_pictures.read_background` is for files of users.

    Raises:
        InputError: If it is no PNG, JPEG or WebP picture, too large or damaged.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > LARGEST:
                cause = f"{picture.width} x {picture.height} pixels are too many"
                raise InputError(path, cause, "Scale it down; 512 x 512 is enough.")
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.asarray(ImageOps.fit(upright, (SIZE, SIZE), Image.Resampling.LANCZOS))
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise InputError(path, "it is no PNG, JPEG or WebP picture", "Convert it to PNG.") from None
    except (OSError, SyntaxError) as error:
        raise InputError(path, f"the picture is damaged ({error})", "Save or download it again.") from None
