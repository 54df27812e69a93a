"""A visible label: words in a corner of every frame that say that nobody said this."""

from typing import Any

import numpy as np

from mimictalk.errors import InputError

LONGEST = 40  # characters
HEIGHT, MARGIN, INSET = (
    18,
    12,
    7,
)  # pixels: of the letters, to the frame's edge, from the letters to the plate's
PLATE = (0.0, 0.6)  # grey and opacity of what lies behind the letters


class Label:
    """Draws one label; the pixels are computed once.

    Args:
        text: What it says.
        size: (width, height) of the frames.

    Raises:
        InputError: If the text is empty, too long, or has letters the built-in font lacks.
    """

    def __init__(self, text: str, size: tuple[int, int] = (512, 512)) -> None:
        from PIL import Image, ImageDraw, ImageFont

        check_label(text)
        font: Any = ImageFont.load_default(HEIGHT)
        left, top, right, bottom = font.getbbox(text)
        width, height = int(right - left) + 2 * INSET, int(bottom - top) + 2 * INSET
        if width + 2 * MARGIN > size[0]:
            raise InputError("--label", f"{text!r} is wider than the picture", "Give fewer words.")
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).text((INSET - left, INSET - top), text, fill=255, font=font)
        letters = np.asarray(mask, np.float32)[..., None] / 255
        grey, opacity = PLATE
        self._kept = (1 - opacity) * (1 - letters)
        self._added = 255 * (grey * opacity * (1 - letters) + letters)
        self._place = (slice(size[1] - MARGIN - height, size[1] - MARGIN), slice(MARGIN, MARGIN + width))

    def draw(self, frame: np.ndarray) -> np.ndarray:
        """The frame with the label at the lower left: (height, width, 3) uint8 RGB in and out, or with
        straight alpha as a fourth channel."""
        labelled = frame.copy()
        if frame.shape[2] == 4:
            part = frame[self._place].astype(np.float32)
            behind = self._kept * part[..., 3:] / 255
            alpha = 1 - self._kept + behind
            labelled[self._place][..., :3] = np.rint((behind * part[..., :3] + self._added) / alpha)
            labelled[self._place][..., 3:] = np.rint(255 * alpha)
            return labelled
        labelled[self._place] = np.rint(frame[self._place] * self._kept + self._added)
        return labelled


def check_label(text: str) -> None:
    """Refuse a text that cannot be drawn.

    Raises:
        InputError: As `Label`.
    """
    from PIL import ImageFont

    if not text.strip() or len(text) > LONGEST:
        raise InputError("--label", f"{len(text)} letters are no label", f"Give 1 to {LONGEST} letters.")
    font: Any = ImageFont.load_default(HEIGHT)
    unknown = bytes(font.getmask("\U0010ffff"))
    missing = [letter for letter in text if not letter.isspace() and bytes(font.getmask(letter)) == unknown]
    if missing or not text.isprintable():
        cause = f"the built-in font cannot write {(missing or [text])[0]!r}"
        raise InputError("--label", cause, "Use Latin letters, digits and punctuation.")
