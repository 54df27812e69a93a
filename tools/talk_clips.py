"""Real talking clips for judging motion models: sound, tracked motion and mouth opening. Never for
training."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from talk_motion.audio import load_audio
from talk_motion.features import AudioFeatures, extract_features

NAMES = ("ref_m_german_20s", "ref_m_french_50s", "ref_f_crop512_24s", "ref_m_synthetic_15s")
UPPER_LIP, LOWER_LIP, FOREHEAD, CHIN = 13, 14, 10, 152  # MediaPipe landmarks


@dataclass(frozen=True)
class TalkClip:
    """Features, tracked expression (T, 64), euler, translation (T, 3), gaze (T, 2), and opening (T,).

    The opening is measured on the landmarks: distance of the inner lips over the height of the face.
    """

    name: str
    features: AudioFeatures
    expression: Tensor
    euler: Tensor
    translation: Tensor
    gaze: Tensor
    opening: Tensor

    @property
    def frames(self) -> int:
        return len(self.opening)


def media_folder() -> Path:
    """Folder of the real clips: MIMICTALK_MEDIA, or ../shared/media beside the repository."""
    return Path(os.environ.get("MIMICTALK_MEDIA", Path(__file__).parents[1].parent / "shared" / "media"))


def load_clips(cache: Path, media: Path | None = None) -> list[TalkClip]:
    """Tracks each clip once (face3dmm) and keeps the result in `cache`; clips that are missing are left
    out."""
    media = media or media_folder()
    clips = []
    for name in NAMES:
        video, kept = media / f"{name}.mp4", cache / f"{name}.safetensors"
        if not video.is_file():
            continue
        if not kept.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            save_file(_track(video), kept)
        tracked = load_file(kept)
        features = extract_features(load_audio(video), frames=len(tracked["opening"]))
        clips.append(TalkClip(name, features, **tracked))
    return clips


def correlation(a: Tensor, b: Tensor, lag: int = 0) -> float:
    """Pearson correlation of a(t) with b(t + lag)."""
    if lag > 0:
        a, b = a[:-lag], b[lag:]
    elif lag < 0:
        a, b = a[-lag:], b[:lag]
    return float(np.corrcoef(a.numpy(), b.numpy())[0, 1])


def _track(video: Path) -> dict[str, Tensor]:
    from face3dmm import track_video

    track = track_video(video)
    marks = torch.as_tensor(track.landmarks)[..., :2]
    height = (marks[:, FOREHEAD] - marks[:, CHIN]).norm(dim=-1)
    opening = (marks[:, UPPER_LIP] - marks[:, LOWER_LIP]).norm(dim=-1) / height
    found = track.coeffs
    return {
        "expression": found.expression.contiguous(),
        "euler": found.euler.contiguous(),
        "translation": found.translation.contiguous(),
        "gaze": found.gaze.contiguous(),
        "opening": opening.contiguous(),
    }
