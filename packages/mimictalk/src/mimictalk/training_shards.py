"""Training material on disk: one safetensors file per clip, pictures as JPEG and PNG bytes.

Tensors of a shard, T frames of side S:

    frames, frames_at       JPEG files one after the other, uint8 (N,), and their borders, int64 (T + 1,)
    head, head_at           masks as PNG files, likewise; so torso, torso_at
    plate                   one JPEG file, the background alone
    identity                (80,); for each frame: expression (T, 64), euler, translation (T, 3), gaze (T, 2),
                            landmarks (T, L, 2) in pixels, camera_to_world (T, 4, 4), intrinsics (T, 3, 3)
    confidence              (T,), 0 where the track is not to be trusted; all 1 where absent
    moment                  (T,) int64: frames of one number show the same moment from several sides, number 0
                            being the face at rest; -1 for a moment seen once; all -1 where absent
    sound_content, ...      where there is speech: `talk_motion.AudioFeatures`, two rows per frame

Its metadata holds the format's name and `facts`, a JSON object: size, consecutive (whether the frames follow
one another at 25 fps), and what the maker adds.
"""

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError

if TYPE_CHECKING:
    import numpy as np

FORMAT = "mimictalk.TrainingShard.1"
SAME_LAYOUT = (FORMAT, "synthetic_heads.Shard.1")
QUALITY = 95
PICTURES = ("frames", "head", "torso")
PER_FRAME = (
    "expression", "euler", "translation", "gaze", "landmarks", "camera_to_world", "intrinsics", "confidence",
    "moment",
)  # fmt: skip
OPTIONAL = ("confidence", "moment")
SOUND = ("content", "pitch", "energy", "voiced")


def write_shard(path: Path, arrays: "dict[str, np.ndarray]", facts: dict[str, Any]) -> None:
    """Write one shard; it appears whole or not at all. Arguments and errors as of `shard_bytes`."""
    from mimictalk.atomic import write_bytes

    write_bytes(path, shard_bytes(arrays, facts))


def shard_bytes(arrays: "dict[str, np.ndarray]", facts: dict[str, Any]) -> bytes:
    """The content of a shard; the same arrays and facts give the same bytes.

    Args:
        arrays: frames (T, S, S, 3), head, torso (T, S, S), plate (S, S, 3), uint8; and those named above.
        facts: For the metadata; size and consecutive are needed by readers.

    Raises:
        ValueError: If an array is missing or has another number of frames.
    """
    import numpy as np
    from safetensors.numpy import save

    missing = [n for n in (*PICTURES, *PER_FRAME, "plate", "identity") if n not in (*arrays, *OPTIONAL)]
    if missing:
        raise ValueError(f"a shard needs {', '.join(missing)}")
    count = len(arrays["frames"])
    odd = [n for n in (*PICTURES, *PER_FRAME) if n in arrays and len(arrays[n]) != count]
    if odd:
        raise ValueError(f"{', '.join(odd)} have another number of frames than {count}")
    tensors: dict[str, np.ndarray] = {"plate": _jpeg(arrays["plate"]), "identity": arrays["identity"]}
    for name in PICTURES:
        files = [(_jpeg if name == "frames" else _png)(picture) for picture in arrays[name]]
        tensors[name] = np.concatenate(files)
        tensors[name + "_at"] = np.cumsum([0] + [file.size for file in files]).astype(np.int64)
    for name in PER_FRAME:
        if name in arrays:
            tensors[name] = arrays[name].astype(np.int64 if name == "moment" else np.float32)
    for name in (f"sound_{part}" for part in SOUND):
        if name in arrays:
            tensors[name] = arrays[name].astype(np.float32)
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    facts = {"consecutive": False, **facts, "size": arrays["frames"].shape[1]}
    return _with_ordered_metadata(save(tensors, {"format": FORMAT, "facts": json.dumps(facts)}))


def read_shard(path: Path | str, frames: Sequence[int] | None = None) -> dict[str, Any]:
    """Read a shard, pictures decoded.

    Args:
        path: File written by `write_shard`.
        frames: Frames wanted, in that order; None for all.

    Returns:
        The arrays of `write_shard` for the frames wanted, confidence and moment always; and facts.

    Raises:
        InputError: If the file is of another format or damaged.
    """
    import numpy as np
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            facts = _facts(path, file.metadata())
            at = {name: file.get_tensor(name + "_at") for name in PICTURES}
            total = len(at["frames"]) - 1
            wanted = list(range(total) if frames is None else frames)
            result: dict[str, Any] = {"facts": facts, "identity": file.get_tensor("identity")}
            for name in PICTURES:
                whole = file.get_slice(name)
                files = [whole[int(at[name][i]) : int(at[name][i + 1])] for i in wanted]
                result[name] = np.stack([_decoded(path, f, name == "frames") for f in files])
            result["plate"] = _decoded(path, file.get_tensor("plate"), True)
            there = set(file.keys())
            for name in PER_FRAME:
                if name in there:
                    result[name] = file.get_tensor(name)[wanted]
    except (SafetensorError, KeyError, IndexError) as error:
        raise InputError(path, f"is no training shard ({error})", _CURE) from None
    result.setdefault("confidence", np.ones(len(wanted), np.float32))
    result.setdefault("moment", np.full(len(wanted), -1, np.int64))
    return result


def read_coefficients(path: Path | str) -> dict[str, Any]:
    """The small arrays of a shard, all frames, no picture decoded: facts, identity and those per frame.

    Raises:
        InputError: If the file is of another format or damaged.
    """
    import numpy as np
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            result: dict[str, Any] = {"facts": _facts(path, file.metadata())}
            there = set(file.keys())
            for name in ("identity", *PER_FRAME):
                if name in there:
                    result[name] = file.get_tensor(name)
            count = len(result["expression"])
    except (SafetensorError, KeyError) as error:
        raise InputError(path, f"is no training shard ({error})", _CURE) from None
    result.setdefault("confidence", np.ones(count, np.float32))
    result.setdefault("moment", np.full(count, -1, np.int64))
    return result


def _with_ordered_metadata(content: bytes) -> bytes:
    """A safetensors file whose metadata stand in order: the library writes them in one that changes."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(-(-len(text) // 8) * 8)  # tensors begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


_CURE = "Make shards anew: mimictalk train prepare VIDEOS -o FOLDER"


def _facts(path: Path | str, metadata: dict[str, str] | None) -> dict[str, Any]:
    said = (metadata or {}).get("format")
    if said not in SAME_LAYOUT:
        raise InputError(path, f"format is {said!r}, not {FORMAT!r}", _CURE)
    facts: dict[str, Any] = json.loads((metadata or {})["facts"])
    return {"consecutive": False, **facts}


def _jpeg(picture: "np.ndarray") -> "np.ndarray":
    return _encoded(picture, "JPEG", quality=QUALITY, subsampling=0)


def _png(mask: "np.ndarray") -> "np.ndarray":
    return _encoded(mask, "PNG", compress_level=3)


def _encoded(picture: "np.ndarray", kind: str, **options: int) -> "np.ndarray":
    import numpy as np
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return np.frombuffer(file.getvalue(), np.uint8)


def _decoded(path: Path | str | os.PathLike[str], file: "np.ndarray", colour: bool) -> "np.ndarray":
    """Picture (S, S, 3) RGB or (S, S) of the bytes of a JPEG or PNG file."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(file.tobytes()), formats=("JPEG", "PNG")) as picture:
            return np.asarray(picture.convert("RGB" if colour else "L"))
    except (UnidentifiedImageError, OSError, SyntaxError):
        raise InputError(path, "a picture is damaged", _CURE) from None
