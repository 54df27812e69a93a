"""One small artefact of every kind that the packages write, with its reader: for tests and tools that damage them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

FRAMES = 6


@dataclass(frozen=True)
class Artefact:
    """A file or folder that was written whole.

    Attributes:
        path: Where.
        read: Reads it; raises an InputError of its package for anything but what was written.
        files: The files it consists of.
    """

    path: Path
    read: Callable[[], object]
    files: tuple[Path, ...]


def write_all(folder: Path, seed: int = 0) -> dict[str, Artefact]:
    """Write an artefact of every kind into `folder`, by name of the kind."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed)
    made = {**_tracks(folder, generator), **_motions(folder, generator), **_weights(folder, seed)}
    return {**made, **_avatar(folder, generator)}


def _single(path: Path, read: Callable[[Path], object]) -> Artefact:
    return Artefact(path, lambda: read(path), (path,))


def _tracks(folder: Path, generator: torch.Generator) -> dict[str, Artefact]:
    from face3dmm import FaceCoeffs, FaceTrack, read_motion_json, read_motion_npz
    from face3dmm.motion_json import FaceMotion, write_motion_json, write_motion_npz

    sizes = ((80,), (FRAMES, 64), (FRAMES, 3), (FRAMES, 3), (FRAMES, 2), (FRAMES,))
    coeffs = FaceCoeffs(*(torch.rand(size, generator=generator) for size in sizes))
    landmarks = torch.rand(FRAMES, 478, 3, generator=generator)
    track = FaceTrack(
        coeffs, landmarks, torch.rand(FRAMES, 4, generator=generator), "0" * 64, (0, 0, 512), ("dark",)
    )
    track.save(folder / "track.safetensors")
    write_motion_json(folder / "motion.json", FaceMotion(coeffs))
    write_motion_npz(folder / "motion.npz", FaceMotion(coeffs))
    return {
        "track": _single(folder / "track.safetensors", FaceTrack.load),
        "motion as JSON": _single(folder / "motion.json", read_motion_json),
        "motion as npz": _single(folder / "motion.npz", read_motion_npz),
    }


def _motions(folder: Path, generator: torch.Generator) -> dict[str, Artefact]:
    from talk_motion.features import AudioFeatures
    from talk_motion.motion import SIZES, MotionPrompt, MotionSequence
    from talk_motion.visemes import VISEMES, Visemes

    motion = MotionSequence(*(torch.rand(FRAMES, *size, generator=generator) for size in SIZES.values()))
    heard = AudioFeatures(
        torch.rand(2 * FRAMES, 64, generator=generator), *torch.rand(3, 2 * FRAMES, generator=generator)
    )
    motion.save(folder / "motion.safetensors")
    MotionPrompt(heard, motion).save(folder / "style.safetensors")
    Visemes(torch.rand(FRAMES, len(VISEMES), generator=generator)).save(folder / "visemes.json")
    return {
        "motion": _single(folder / "motion.safetensors", MotionSequence.load),
        "talking style": _single(folder / "style.safetensors", MotionPrompt.load),
        "visemes": _single(folder / "visemes.json", Visemes.load),
    }


def _weights(folder: Path, seed: int) -> dict[str, Artefact]:
    from safetensors.torch import save

    from portrait3d.seal import sealed_json
    from portrait3d.storage import load_weights
    from talk_motion import seal
    from talk_motion.space import MotionSpace
    from talk_motion.weight_file import SPACE_FIELDS, read_weights, write_weights

    home, tensors = folder / "portrait", {"planes": torch.arange(40.0) + seed}
    home.mkdir()
    blob = save(tensors)
    (home / "small.safetensors").write_bytes(blob)
    (home / "small.json").write_bytes(sealed_json({"config": {}, "sha256": hashlib.sha256(blob).hexdigest()}))
    talk = folder / "talk.safetensors"
    shapes = {"encode": (2, 64), "decode": (64, 2), "mean": (2,), "scale": (2,), "gap": (64,), "mouth": (64,)}
    space = MotionSpace(*(torch.ones(shapes[name]) + seed for name in SPACE_FIELDS))
    write_weights(talk, {"layer": torch.arange(9.0) + seed}, space, {"seed": seed})
    assert seal.intact(talk.with_suffix(".json").read_bytes())
    return {
        "portrait weights": Artefact(
            home, lambda: load_weights(home), (home / "small.safetensors", home / "small.json")
        ),
        "motion weights": Artefact(talk, lambda: read_weights(talk, "?"), (talk, talk.with_suffix(".json"))),
    }


def _avatar(folder: Path, generator: torch.Generator) -> dict[str, Artefact]:
    from safetensors.torch import save_file

    from mimictalk.avatar import Avatar, write_avatar
    from mimictalk.manifest import Manifest
    from talk_motion.motion import MotionPrompt

    base = {"portrait3d/data/small.safetensors": hashlib.sha256(b"base").hexdigest()}
    manifest = Manifest(
        "small", 7, 20, "test", "2026-11-21T00:00:00+00:00", base, {"name": "a", "sha256": "0"}
    )
    adapter = folder / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    save_file({"lora_A": torch.rand(2, 3, generator=generator)}, adapter / "adapter_model.safetensors")
    tensors = {"planes": torch.rand(3, 4, 4, generator=generator)}
    preview = np.full((8, 8, 3), 128, np.uint8)
    me = folder / "me"
    style = MotionPrompt.load(folder / "style.safetensors")
    write_avatar(me, manifest, tensors, adapter, style, preview, "# me\n")

    def read() -> object:
        avatar = Avatar.load(me, base_weights=base)
        return avatar, avatar.tensors(), avatar.prompt()

    return {"avatar": Artefact(me, read, tuple(sorted(me.iterdir())))}
