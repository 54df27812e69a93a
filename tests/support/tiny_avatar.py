"""An avatar that can be rendered and took no learning: the head that all people share, grey torso and background."""

import wave
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from mimictalk.avatar import Avatar, write_avatar
from mimictalk.base_weights import installed
from mimictalk.manifest import Manifest


def write_tiny_avatar(path: Path, work: Path) -> Avatar:
    """Write it at `path`; `work` is an empty folder for its adapter."""
    from face3dmm import FaceModel, render_pncc
    from mimictalk.driving import torso_keypoints
    from mimictalk_adapt.lora import inject, save_adapter
    from portrait3d.model import Portrait3D

    model = Portrait3D.from_pretrained("small")
    targets = ["decoder.fc1"]
    inject(model, targets, r=2, lora_alpha=2, seed=0)
    save_adapter(model, work, r=2, lora_alpha=2, targets=targets)
    euler, translation = torch.zeros(1, 3), torch.tensor([[0.0, 0.0, -3.0]])
    pncc = render_pncc(FaceModel.open_face(), torch.zeros(80), torch.zeros(1, 64), model.config.pncc_size)[0]
    tensors = {
        "planes": model.image_to_plane.mean_planes.detach().squeeze(0).clone(),
        "torso": torch.zeros(4, 512, 512),
        "background": torch.zeros(3, 512, 512),
        "canonical_pncc": pncc,
        "source_pncc": pncc.clone(),
        "source_keypoints": torso_keypoints(torch.zeros(80), euler, translation)[0],
        "face_identity": torch.zeros(80),
        "source_euler": euler[0],
        "source_translation": translation[0],
    }
    manifest = Manifest(
        preset="small",
        seed=0,
        steps=1,
        tool="mimictalk test",
        created="2026-11-21T00:00:00+00:00",
        base_weights=installed(),
        source={"name": "nobody.mp4", "sha256": "0" * 64},
        meta={},
    )
    return write_avatar(
        path, manifest, tensors, work, None, np.full((16, 16, 3), 128, np.uint8), "# nobody\n"
    )


def write_speech(path: Path, seconds: float) -> None:
    """The beginning of the sentence that `mimictalk demo` says, 16 kHz mono WAV."""
    from talk_motion import load_audio

    demo = resources.files("mimictalk") / "data" / "demo" / "demo_speech.flac"
    with resources.as_file(demo) as spoken:
        samples = np.asarray(load_audio(spoken))[: round(seconds * 16000)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
