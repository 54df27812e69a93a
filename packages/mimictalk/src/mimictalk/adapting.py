"""From a tracked clip to what an avatar is made of: masks, plates, PNCC, then the adaptation itself."""

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from face3dmm import FaceTrack
    from talk_motion import MotionPrompt

STEPS = 1200
LORA_RANK = 16
Progress = Callable[[str, int, int, dict[str, Any]], None]


@dataclass(frozen=True)
class AdaptedClip:
    """What adapting gave.

    Attributes:
        tensors: For identity.safetensors: the portrait's `Identity`, the face identity and the source pose.
        adapter_dir: Folder with the adapter in peft's format.
        prompt: Talking style of the clip; None if it has no speech.
        preview: (512, 512, 3) uint8: the source frame as the avatar draws it.
        meta: Facts of the run, JSON-able.
        warnings: What was odd.
    """

    tensors: "dict[str, Tensor]"
    adapter_dir: Path
    prompt: "MotionPrompt | None"
    preview: "np.ndarray"
    meta: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def adapt_clip(
    video: Path,
    work_dir: Path,
    *,
    steps: int | None,
    budget_s: float | None,
    seed: int,
    preset: str,
    start: str = "embedded",
    max_seconds: float | None,
    segmenter: Path | None = None,
    progress: Progress,
) -> AdaptedClip:
    """Learn the person of a clip that has been tracked.

    An interrupted run is taken up by the same call: its state lies in the user's cache folder under a name
    made of the clip's sha256 and the settings.

    Args:
        video: The clip.
        work_dir: A folder of this run; holds track.safetensors, receives the adapter.
        steps: Optimiser steps; None for the preset's.
        budget_s: Longest time for learning, in seconds.
        seed: Of everything random.
        preset: "small".
        start: "embedded" weights, or "random" ones to measure what the embedded ones are worth.
        max_seconds: Learn from the beginning of the clip only.
        segmenter: A segmentation task file to use in place of the bundled network.
        progress: Called with (stage, done, total, numbers).
    """
    import torch

    from face3dmm import FaceTrack
    from face3dmm.tracking import file_hash
    from mimictalk.portrait_material import portrait_clip
    from mimictalk.rendering import base_model
    from mimictalk_adapt import AdaptConfig, adapt
    from mimictalk_adapt.lora import merge, save_adapter
    from portrait3d.adaptation import PortraitAdaptation
    from portrait3d.clip import best_source_frame
    from portrait3d.drawing import PortraitRenderer

    torch.set_flush_denormal(True)  # a third of the time of small networks goes into denormals otherwise
    track = FaceTrack.load(work_dir / "track.safetensors")
    clip = portrait_clip(video, track, max_seconds, progress, segmenter=segmenter)
    coeffs = track.coeffs
    source = best_source_frame(clip, coeffs.expression[: len(clip)])
    tensors: dict[str, Tensor] = {
        "face_identity": coeffs.identity,
        "source_euler": coeffs.euler[source],
        "source_translation": coeffs.translation[source],
    }
    if start == "random":
        tensors["random_start_seed"] = torch.tensor(seed)
    backbone = PortraitAdaptation(base_model(tensors), clip, source)
    config = AdaptConfig(steps=steps or STEPS, seed=seed, r=LORA_RANK, lora_alpha=2 * LORA_RANK)
    key = f"{track.source_hash} {max_seconds} {start} {preset}"
    if segmenter is not None:
        key += f" {file_hash(segmenter)}"
    state = state_folder(key, config, budget_s)
    targets = backbone.lora_targets()
    result = adapt(
        backbone,
        config,
        budget_s=budget_s,
        state_folder=state,
        key=key,
        progress=lambda done, total, terms: progress("adapt", done, total, terms),
    )
    adapter = work_dir / "adapter"
    save_adapter(backbone.network, adapter, r=config.r, lora_alpha=config.lora_alpha, targets=targets)
    merge(backbone.network)
    identity = backbone.identity()
    preview = PortraitRenderer(backbone.network, identity).frame(
        clip.driving_pncc(source)[0],
        clip.camera_to_world[source],
        clip.intrinsics[source],
        clip.keypoints[source],
    )
    shutil.rmtree(state, ignore_errors=True)
    meta = {
        "steps": result.steps,
        "resumed_at": result.resumed_at,
        "seconds": round(result.seconds, 1),
        "skipped_steps": result.skipped,
        "frames": len(clip),
        "source_frame": source,
        "start": start,
        "segmenter": segmenter.name if segmenter else None,
        "loss": {
            name: round(value, 5) for name, value in (result.curve[-1][1] if result.curve else {}).items()
        },
    }
    prompt = speech_prompt(video, track)
    return AdaptedClip(tensors | identity.tensors(), adapter, prompt, preview.numpy(), meta, [])


def speech_prompt(video: Path, track: "FaceTrack") -> "MotionPrompt | None":
    """The talking style of the clip: its sound beside its motion. None where there is no speech."""
    from mimictalk.checking import check_clip_sound
    from mimictalk.prompting import prompt_from_track

    features, _ = check_clip_sound(video)
    return prompt_from_track(track, features)


def state_folder(key: str, config: Any, budget_s: float | None) -> Path:
    """Where an interrupted run leaves its state; another clip or other settings get another folder."""
    name = hashlib.sha256(f"{key} {config} {budget_s}".encode()).hexdigest()[:24]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mimictalk" / "adapt" / name
