"""Training material on disk: one safetensors file per clip of a person talking.

Tensors of a shard, T motion frames at 25 per second:

    audio                        (2T, 67) float16, `AudioFeatures.stack` of the whole clip
    expression                   (T, 64), or (K, T, 64): K ways to say it ("takes")
    content, pitch               (2T, C) float16 and (2T,) Hz: HuBERT's, where the published sizes are trained
    phones                       (2T,) which speech sound is said, as a number from 0, -1 where nobody knows;
                                 where speech was made and phones are known

Its metadata holds the format's name and `facts`, a JSON object: exact (whether the motion was made and not
tracked), and what the maker adds.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from talk_motion.errors import InputError
from talk_motion.motion import write_atomically

FORMAT = "talk_motion.SpeechShard.1"
AGAIN = "Make shards anew: mimictalk train prepare-speech VIDEOS -o FOLDER"


def write_speech_shard(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Writes one shard; it appears whole or not at all.

    Raises:
        ValueError: a tensor is missing or has another number of frames.
    """
    from safetensors.torch import save

    frames = tensors["expression"].shape[-2]
    for name, value in tensors.items():
        length = value.shape[-2] if name == "expression" else len(value) / 2
        if length != frames:
            raise ValueError(f"{name} has {length:g} motion frames, the expression {frames}")
    if "audio" not in tensors or ("content" in tensors) != ("pitch" in tensors):
        raise ValueError(f"need audio, and content with pitch, got {', '.join(tensors)}")
    half = {"audio", "content"}
    stored = {k: (v.half() if k in half else v.float()).contiguous() for k, v in tensors.items()}
    told = json.dumps({"exact": False, **facts})
    write_atomically(path, save(stored, {"format": FORMAT, "facts": told}))


class SpeechShards:
    """Folders of shards; what is not used stays on disk.

    Args:
        folders: where the shards lie.
        frames: of a training clip; shorter shards are left out.
        content: whether HuBERT's content is needed.
        phones: how many speech sounds are told apart; 0 where they are not needed.

    Attributes:
        paths: the shards that are used.
        too_short: how many were left out.

    Raises:
        InputError: no shard is long enough, one is of another format, or lacks content or phones.
    """

    def __init__(
        self, folders: Sequence[Path], frames: int, *, content: bool = False, phones: int = 0
    ) -> None:
        found = [path for folder in folders for path in sorted(Path(folder).glob("*.safetensors"))]
        names = ", ".join(map(str, folders))
        if not found:
            raise InputError(names, "no shard of speech is here", AGAIN)
        self.frames, self.paths, lengths, self.exact = frames, [], [], []
        self.phones = phones
        channels = set()
        for path in found:
            with _opened(path) as file:
                length = file.get_slice("expression").get_shape()[-2]
                if length < frames:
                    continue
                if content:
                    channels.add(_channels(path, file))
                if phones:
                    _check_phones(path, file, phones)
                self.paths.append(path)
                lengths.append(length)
                self.exact.append(bool(json.loads(file.metadata()["facts"])["exact"]))
        self.too_short = len(found) - len(self.paths)
        if not self.paths:
            cause = f"none of {len(found)} shards has {frames} frames ({frames / 25:g} s)"
            raise InputError(names, cause, "Give longer clips, or a smaller `frames` in the settings.")
        if len(channels) > 1:
            raise InputError(names, f"contents of {sorted(channels)} channels are mixed", AGAIN)
        self.content_channels = channels.pop() if channels else None
        self.seconds = sum(lengths) / 25
        self._ends = np.cumsum([length - frames + 1 for length in lengths])

    def __len__(self) -> int:
        return len(self.paths)

    def key(self) -> str:
        """Which data these are: the shards' names and sizes, hashed."""
        told = [[path.name, path.stat().st_size] for path in self.paths]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def draw(self, random: np.random.Generator, names: Sequence[str]) -> tuple[dict[str, Tensor], bool]:
        """A stretch of `frames` frames, each of all shards as likely, as float32; and whether it is exact.

        Args:
            random: draws shard, place and take.
            names: tensors wanted, "expression" without its takes.
        """
        at = int(random.integers(self._ends[-1]))
        number = int(np.searchsorted(self._ends, at, side="right"))
        start = at - int(self._ends[number - 1] if number else 0)
        stop, drawn = start + self.frames, {}
        with _opened(self.paths[number]) as file:
            for name in names:
                piece = file.get_slice(name)
                if name != "expression":
                    value = piece[2 * start : 2 * stop]
                elif len(shape := piece.get_shape()) == 3:
                    value = piece[int(random.integers(shape[0])), start:stop]
                else:
                    value = piece[start:stop]
                drawn[name] = value.float()
        return drawn, self.exact[number]

    def expressions(self, count: int, seed: int) -> Tensor:
        """Expressions (count x frames, 64) of stretches that follow from the seed, to learn their spread."""
        drawn = [
            self.draw(np.random.default_rng([seed, 1, i]), ["expression"])[0]["expression"]
            for i in range(count)
        ]
        return torch.cat(drawn)


def _opened(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        file = safe_open(str(path), framework="pt")
    except (OSError, SafetensorError) as error:
        raise InputError(path, f"is no shard of speech ({error})", AGAIN) from None
    said = (file.metadata() or {}).get("format")
    if said != FORMAT:
        raise InputError(path, f"format is {said!r}, not {FORMAT!r}", AGAIN)
    return file


def _channels(path: Path, file: Any) -> int:
    if "content" not in file.keys():  # noqa: SIM118 - no mapping
        cure = "Make shards with it: mimictalk train prepare-speech VIDEOS -o FOLDER --hubert SOURCE"
        raise InputError(path, "has no HuBERT content, which the published sizes hear", cure)
    return int(file.get_slice("content").get_shape()[-1])


def _check_phones(path: Path, file: Any, phones: int) -> None:
    if "phones" not in file.keys():  # noqa: SIM118 - no mapping
        cure = "Set losses.phones and model.phones to 0, or give shards of synthetic speech alone."
        raise InputError(path, "does not say which phones are said, which losses.phones asks for", cure)
    most = int(file.get_tensor("phones").max())
    if most >= phones:
        raise InputError(path, f"holds phone {most}, but model.phones is {phones}", f"Set it to {most + 1}.")
