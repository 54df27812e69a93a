"""A command line run in this process, in an empty folder, with a state folder of its own."""

import hashlib
import io
import json
import os
import re
import wave
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mimictalk.avatar import Avatar, write_avatar
from mimictalk.cli import run
from mimictalk.manifest import Manifest

MEDIA = Path(os.environ.get("MIMICTALK_MEDIA", Path(__file__).resolve().parents[3] / "shared" / "media"))
ERROR_CODE = re.compile(r" \[(MT-[A-Z]+-\d{3})\](?=\n)")


@dataclass
class Ran:
    """Exit code and texts of one command; the codes of errors, which stand at the end of a line, apart."""

    code: int
    out: str
    err: str
    error_codes: tuple[str, ...] = ()

    @property
    def json(self) -> dict[str, Any]:
        lines = self.out.splitlines()
        assert len(lines) == 1, "exactly one object on stdout"
        return json.loads(lines[0])


@pytest.fixture(autouse=True)
def _isolated(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def media() -> Path:
    """Clips and sounds to test with; they are not part of the repository."""
    if not MEDIA.is_dir():
        pytest.skip(f"no media in {MEDIA}: set MIMICTALK_MEDIA")
    return MEDIA


@pytest.fixture
def here(_isolated) -> Path:
    return Path.cwd()


@pytest.fixture
def cli() -> Callable[..., Ran]:
    def call(*arguments: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        code = run([str(argument) for argument in arguments], out, err)
        said = err.getvalue()
        return Ran(code, out.getvalue(), ERROR_CODE.sub("", said), tuple(ERROR_CODE.findall(said)))

    return call


class FakePrompt:
    """Stands for a MotionPrompt: something with a `save`."""

    def save(self, path: Path) -> None:
        path.write_bytes(b"a talking style")


@pytest.fixture
def prompt() -> FakePrompt:
    return FakePrompt()


@pytest.fixture
def write_wav() -> Callable[[Path, np.ndarray, int], Path]:
    """Writes (n, channels) float in [-1, 1] as 16 bit PCM."""

    def write(path: Path, samples: np.ndarray, rate: int) -> Path:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((samples * 32767).astype("<i2").tobytes())
        return path

    return write


@pytest.fixture
def speech(request, here, write_wav) -> Path:
    """hello.wav: silence as long as the FRAMES of the test's module."""
    return write_wav(here / "hello.wav", np.zeros((16000 * request.module.FRAMES // 25, 1)), 16000)


MANIFEST = Manifest(
    preset="small",
    seed=7,
    steps=20,
    tool="mimictalk test",
    created="2026-11-21T00:00:00+00:00",
    base_weights={"portrait3d/data/small.safetensors": hashlib.sha256(b"base").hexdigest()},
    source={"name": "ref.mp4", "sha256": hashlib.sha256(b"clip").hexdigest()},
    meta={"loss": 0.5},
)


@pytest.fixture
def base() -> dict[str, str]:
    """The base weights that avatars made by `make` stand on."""
    return dict(MANIFEST.base_weights)


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "planes": torch.randn(3, 4, 8, 8, generator=generator),
        "face_identity": torch.randn(80, generator=generator),
        "source_euler": torch.tensor([0.1, -0.2, 0.05]),
        "source_translation": torch.tensor([0.0, 0.3, 0.1]),
    }


@pytest.fixture
def adapter(tmp_path) -> Path:
    from safetensors.torch import save_file

    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    save_file({"lora_A": torch.ones(2, 3)}, folder / "adapter_model.safetensors")
    return folder


@pytest.fixture
def make(tensors, adapter) -> Callable[..., Avatar]:
    """Writes a small avatar at a path."""

    def write(
        path: Path,
        *,
        force: bool = False,
        with_prompt: bool = True,
        reference_marks: bytes | None = None,
        **changes: Any,
    ) -> Avatar:
        return write_avatar(
            path,
            replace(MANIFEST, **changes),
            tensors,
            adapter,
            FakePrompt() if with_prompt else None,
            np.full((16, 16, 3), 128, np.uint8),
            "# me\n",
            reference_marks=reference_marks,
            force=force,
        )

    return write


@pytest.fixture
def me(here, make, monkeypatch, base) -> Path:
    """The avatar `me` in the present folder, whose base weights are taken for those that are installed."""
    monkeypatch.setattr("mimictalk.avatar.installed", lambda: base)
    return make(here / "me").path
