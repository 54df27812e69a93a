"""Damaged, disguised and foreign artefacts: avatars and checkpoints."""

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile import damage
from hostile.case import REFUSED, Case
from hostile.recordings import tone, wav

RENDER = ("render", "me", "--audio", "speech.wav", "-o", "out.mp4", "--quiet")
IMPORT = ("weights", "import", "given.ckpt", "-o", "imported")
FILES = (
    "avatar.json",
    "identity.safetensors",
    "adapter_model.safetensors",
    "adapter_config.json",
    "style.safetensors",
)


def cases() -> Iterator[Case]:
    """All of them."""
    for name, (change, word) in _avatars().items():
        yield Case("artefacts", name, _avatar(change), RENDER, REFUSED, word, "me", quick=True)
    for name, (data, word) in _checkpoints().items():
        for suffix in (".ckpt", ".safetensors"):
            file = f"given{suffix}"
            command = ("weights", "import", file, "-o", "imported")
            build = lambda path, d=data: path.write_bytes(d)  # noqa: E731
            yield Case(
                "artefacts",
                f"{name}{suffix}",
                build,
                command,
                REFUSED,
                word,
                file,
                quick=suffix == ".safetensors",
            )


def _avatar(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Builds a small avatar, whole as a folder, then changes it; and the speech beside it."""

    def build(path: Path) -> None:
        from kept_artefacts import write_all

        made = path.parent.parent / "made"
        shutil.copytree(write_all(made)["avatar"].path, path)
        shutil.rmtree(made)
        (path.parent / "speech.wav").write_bytes(wav(tone(0.5)))
        change(path)

    return build


def _edit(name: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes(edit((path / name).read_bytes()))


def _manifest(**changes: object) -> Callable[[Path], object]:
    """With fields changed and nothing else put right."""
    return _edit("avatar.json", lambda text: json.dumps({**json.loads(text), **changes}).encode())


def _avatars() -> dict[str, tuple[Callable[[Path], object], str]]:
    found: dict[str, tuple[Callable[[Path], object], str]] = {
        "other base weights": (lambda path: None, "base weights"),
        "newer schema": (_manifest(schema=99), "schema 99"),
        "no schema": (_manifest(schema=None), ""),
        "another kind": (_manifest(kind="something"), "does not describe"),
        "files elsewhere": (_manifest(files={"../../etc/passwd": {"sha256": "0" * 64, "bytes": 1}}), ""),
        "no files": (_manifest(files={}), ""),
        "more steps": (_manifest(steps=10**30), "checksum"),
        "manifest in pieces": (lambda path: (path / "avatar.json").write_text("{" * 100_000), "JSON"),
        "manifest is a list": (lambda path: (path / "avatar.json").write_text("[]"), ""),
        "manifest is a folder": (
            lambda path: ((path / "avatar.json").unlink(), (path / "avatar.json").mkdir()),
            "",
        ),
        "no manifest": (lambda path: (path / "avatar.json").unlink(), "not an avatar"),
        "a link for a file": (
            lambda path: ((path / FILES[1]).unlink(), (path / FILES[1]).symlink_to("/etc/passwd")),
            "missing",
        ),
        "an empty folder": (lambda path: (shutil.rmtree(path), path.mkdir()), "not an avatar"),
    }
    for name in FILES:
        found[f"{name} flipped"] = (_edit(name, lambda data: damage.flipped(data, 0, 1)), "")
        found[f"{name} cut"] = (_edit(name, lambda data: data[:-1]), "")
        found[f"{name} empty"] = (_edit(name, lambda data: b""), "")
    for name in FILES[1:4]:
        found[f"{name} missing"] = (lambda path, n=name: (path / n).unlink(), "missing")
    return found


def _tensors(header: object, body: bytes = bytes(64)) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _checkpoints() -> dict[str, tuple[bytes, str]]:
    """Files that are to be imported as weights."""
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    return {
        "a pickle that runs a command": (
            b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
            "",
        ),
        "an old pickle": (b"cposix\nsystem\n(S'id'\ntR.", ""),
        "nothing": (b"", ""),
        "header of 100 MB": (struct.pack("<Q", 100_000_001) + b"{}", ""),
        "header of 16 exabytes": (b"\xff" * 8 + b"{}", ""),
        "header is no JSON": (struct.pack("<Q", 4) + b"####", ""),
        "tensors over each other": (_tensors({"a": entry, "b": entry}), ""),
        "tensor beyond the end": (_tensors({"a": {**entry, "shape": [999], "data_offsets": [0, 3996]}}), ""),
        "shape too large to count": (_tensors({"a": {**entry, "shape": [2**62, 4]}}), ""),
        "negative shape": (_tensors({"a": {**entry, "shape": [-1]}}), ""),
        "an unknown kind of number": (_tensors({"a": {**entry, "dtype": "Q7"}}), ""),
        "a model of somebody else": (_tensors({"a": entry}, bytes(16)), ""),
    }
