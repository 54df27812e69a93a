"""The child process that decodes users' pictures: python -m mimictalk.picture_probe LIMITS HOW FILE...

It can do as little harm as the one for videos (`media_probe`). For each file it writes one line of JSON, then
the bytes of the pixels that the line tells of; what is wrong with a picture comes as cause and cure.
"""

import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LARGEST_GREY = 1280  # pixels: larger pictures are made smaller before the watermark is looked for
Decoded = tuple[dict[str, Any], "np.ndarray"]


def portrait(path: Path) -> Decoded:
    """As `face3dmm.read_picture` gives it: (H, W, 3) and its warnings."""
    from face3dmm.pictures import read_picture

    picture = read_picture(path)
    return {"warnings": picture.warnings}, picture.pixels


def background(path: Path) -> Decoded:
    """(512, 512, 3): upright and cropped to a square."""
    from mimictalk.background import fitted_picture

    return {}, fitted_picture(path)


def marks(path: Path) -> Decoded:
    """Format, texts in the file, and (H, W) brightness; transparent pixels count as their colour."""
    import numpy as np
    from PIL import Image

    from mimictalk.errors import InputError

    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
            about = {"format": picture.format or ""}
            texts = {str(key): value for key, value in picture.info.items() if isinstance(value, str)}
            grey = picture.convert("L")
        grey.thumbnail((LARGEST_GREY, LARGEST_GREY))
        return {**about, "texts": texts}, np.asarray(grey)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        cause = f"the picture is damaged ({' '.join(str(error).split())[:120]})"
        raise InputError(path, cause, "Save or download it again.") from error


HOW: dict[str, Callable[[Path], Decoded]] = {"portrait": portrait, "background": background, "marks": marks}


def answer(how: str, path: Path) -> tuple[dict[str, Any], bytes]:
    """The line of JSON and the bytes behind it for one file."""
    from face3dmm.errors import InputError as FaceError
    from mimictalk.errors import InputError

    try:
        facts, pixels = HOW[how](path)
    except (InputError, FaceError) as error:
        return {"cause": error.cause, "cure": error.cure}, b""
    except MemoryError:
        return {"memory": True}, b""
    return {**facts, "shape": pixels.shape}, pixels.tobytes()


def _without_its_face(name: str) -> None:
    """Make a package's modules importable one by one: what its __init__ loads takes seconds and gigabytes."""
    spec = find_spec(name)
    assert spec is not None and spec.submodule_search_locations is not None
    package = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package


def main() -> None:
    """Decode the files named on the command line."""
    from mimictalk.media_probe import Limits, confine

    limits, how, *paths = sys.argv[1:]
    _without_its_face("face3dmm")
    # What is needed is loaded before memory is limited.
    import PIL.Image
    import PIL.ImageOps

    import face3dmm.pictures  # noqa: F401
    import mimictalk.background  # noqa: F401

    PIL.Image.preinit()
    PIL.Image.init()
    confine(Limits(**json.loads(limits)))
    out = sys.stdout.buffer
    for path in paths:
        facts, pixels = answer(how, Path(path))
        out.write(json.dumps(facts).encode() + b"\n" + pixels)
        out.flush()


if __name__ == "__main__":
    main()
