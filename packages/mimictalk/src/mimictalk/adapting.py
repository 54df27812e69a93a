"""From a tracked clip to what an avatar is made of: masks, plates, PNCC, then the adaptation itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.adapt_recipe import Recipe
from mimictalk.heap import release_heap
from mimictalk.sync_check import FRAME_MS

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from face3dmm import FaceTrack
    from mimictalk.adapt_sample import Sample
    from mimictalk.imported_base import ImportedBase
    from mimictalk_adapt import AdaptConfig, AdaptResult
    from portrait3d.adaptation import PortraitAdaptation
    from portrait3d.clip import PortraitClip
    from talk_motion import MotionPrompt

MOST_FRAMES = 1000  # of a clip that learn; a run looks at 1,200, and so many take 2 GB
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
        result: What the run did, for the report.
        sample: Frames true and drawn, for the report.
        state: Folder of the run's state, of no use once the avatar is written.
        warnings: What was odd.
    """

    tensors: "dict[str, Tensor]"
    adapter_dir: Path
    prompt: "MotionPrompt | None"
    preview: "np.ndarray"
    meta: dict[str, Any]
    result: "AdaptResult"
    sample: "Sample"
    state: Path
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Learned:
    """A person who has been learned, LoRA still apart.

    Attributes:
        backbone: What learned.
        result: What the run did.
        config: Its settings.
        targets: Layers with LoRA.
        tensors: What motion needs to know of the face, and the start's seed where it was random.
    """

    backbone: "PortraitAdaptation"
    result: "AdaptResult"
    config: "AdaptConfig"
    targets: list[str]
    tensors: "dict[str, Tensor]"


def adapt_clip(
    video: Path,
    work_dir: Path,
    *,
    steps: int | None,
    budget_s: float | None,
    seed: int,
    preset: str,
    start: str = "embedded",
    recipe: str = "own",
    max_seconds: float | None,
    segmenter: Path | None = None,
    sound_offset: int = 0,
    device: "torch.device | str" = "cpu",
    base: "ImportedBase | None" = None,
    progress: Progress,
    note: Callable[[str], None] = lambda text: None,
) -> AdaptedClip:
    """Learn the person of a clip that has been tracked.

    An interrupted run is taken up by the same call: its state lies in the user's cache folder under a name
    made of the clip's sha256 and the settings, with a live preview beside it.

    Args:
        video: The clip.
        work_dir: A folder of this run; holds track.safetensors, receives the adapter.
        steps: Optimiser steps; None for the recipe's.
        budget_s: Longest time for learning, in seconds.
        seed: Of everything random.
        preset: "small", or "full" with its `base`.
        start: "embedded" weights, or "random" ones to measure what the embedded ones are worth.
        recipe: "own" or "published".
        max_seconds: Learn from the beginning of the clip only.
        segmenter: A segmentation task file to use in place of the bundled network.
        sound_offset: Frames by which the clip's sound is moved (see `sound_alignment`).
        device: Where networks compute. It is no part of the run: what was begun on one goes on on another.
        base: Imported weights and face model of the preset "full".
        progress: Called with (stage, done, total, numbers).
        note: Told where the run can be watched.
    """
    import torch

    from face3dmm import FaceTrack
    from mimictalk.adapt_sample import draw_sample, drives, sampled_frames
    from mimictalk.planned_run import planned_run
    from mimictalk.rendering import frame_renderer
    from mimictalk_adapt.lora import merge, save_adapter

    torch.set_flush_denormal(True)  # a third of the time of small networks goes into denormals otherwise
    track = FaceTrack.load(work_dir / "track.safetensors")
    run = planned_run(
        track.source_hash,
        steps=steps,
        budget_s=budget_s,
        seed=seed,
        preset=preset,
        start=start,
        recipe=recipe,
        max_seconds=max_seconds,
        segmenter=segmenter,
        base=base,
    )
    chosen, config, state = run.recipe.of_person(track), run.config, run.state
    clip = chosen.material(video, track, max_seconds, progress, segmenter, MOST_FRAMES)
    release_heap()
    learned = learn(clip, track, chosen, config, budget_s, state, run.key, progress, note, device=device)
    backbone, result, source = learned.backbone, learned.result, learned.backbone.source
    adapter = work_dir / "adapter"
    save_adapter(backbone.network, adapter, r=config.r, lora_alpha=config.lora_alpha, targets=learned.targets)
    merge(backbone.network)
    identity = backbone.identity()
    progress("report", 0, 1, {})
    (drive,) = drives(clip, [source])
    preview = frame_renderer(backbone.network, identity).frame(*drive)
    held_out = backbone.held_out
    sample = draw_sample(backbone.network, identity, clip, track, sampled_frames(clip, held_out), held_out)
    progress("report", 1, 1, {})
    meta = {
        "steps": result.steps,
        "best_step": result.best_step,
        "resumed_at": result.resumed_at,
        "seconds": round(result.seconds, 1),
        "skipped_steps": result.skipped,
        "rollbacks": result.rollbacks,
        "frames": len(clip),
        "held_out_frames": len(held_out),
        "held_out": result.best and {name: round(value, 4) for name, value in result.best.items()},
        "source_frame": int(clip.in_video()[source]),
        "start": start,
        "recipe": chosen.facts(),
        "segmenter": segmenter.name if segmenter else None,
        "sound_moved_ms": FRAME_MS * sound_offset,
        "over_time": [
            [step, seconds, {name: round(value, 3) for name, value in numbers.items()}]
            for step, seconds, numbers in result.held_out
        ],
        "loss": {
            name: round(value, 5) for name, value in (result.curve[-1][1] if result.curve else {}).items()
        },
    }
    warnings = []
    if result.skipped:
        warnings.append(
            f"{result.skipped} of {result.steps} steps gave no finite loss and were left out"
            + (f"; the run went back {result.rollbacks} times" if result.rollbacks else "")
        )
    tensors = learned.tensors | identity.to("cpu").tensors()
    prompt = speech_prompt(video, track, sound_offset)
    return AdaptedClip(tensors, adapter, prompt, preview.cpu().numpy(), meta, result, sample, state, warnings)


def learn(
    clip: "PortraitClip",
    track: "FaceTrack",
    recipe: Recipe,
    config: "AdaptConfig",
    budget_s: float | None,
    state: Path,
    key: str,
    progress: Progress,
    note: Callable[[str], None] = lambda text: None,
    *,
    device: "torch.device | str" = "cpu",
) -> Learned:
    """Learn a person by a recipe, with a live preview in `state`; the same call goes on after a stop.

    Args:
        clip: The person.
        track: Of the clip, or of a longer one that begins with it.
        recipe: What learns and how.
        config: Settings of the run.
        budget_s: Longest time for learning; None for no limit.
        state: Folder for state and preview.
        key: What is learned from, in words that change when it does.
        progress: Called with ("adapt", done, total, numbers).
        note: Told where the run can be watched.
        device: Where networks compute; the clip stays on the CPU.
    """
    import torch

    from mimictalk.adapt_preview import PICTURE, LivePreview
    from mimictalk_adapt import adapt
    from portrait3d.held_out import held_out_frames

    coeffs = track.coeffs
    source = recipe.source_frame(clip, coeffs.expression)
    tensors: dict[str, Tensor] = {
        "face_identity": coeffs.identity,
        "source_euler": coeffs.euler[source],
        "source_translation": coeffs.translation[source],
        **recipe.face_tensors(),
    }
    if recipe.start == "random":
        tensors["random_start_seed"] = torch.tensor(config.seed)
    model = recipe.model(tensors).to(device)
    backbone = recipe.backbone(model, clip, track, source, held_out_frames(clip))
    targets = backbone.lora_targets()
    preview = LivePreview(state, backbone)
    preview.draw()
    note(f"live preview: {state / PICTURE}")

    def stepped(done: int, total: int, terms: dict[str, float]) -> None:
        progress("adapt", done, total, terms)
        preview.step(done, terms)

    def looked(step: int, numbers: dict[str, float]) -> None:
        preview.look(step, numbers)
        release_heap()  # what whole frames took lies between what steps hold, and grows from look to look

    result = adapt(
        backbone,
        config,
        budget_s=budget_s,
        state_folder=state,
        key=f"{key} {recipe}",
        progress=stepped,
        look=looked,
    )
    return Learned(backbone, result, config, targets, tensors)


def speech_prompt(video: Path, track: "FaceTrack", sound_offset: int = 0) -> "MotionPrompt | None":
    """The talking style of the clip: its sound, moved by an offset, beside its motion. None where there is no
    speech."""
    from mimictalk.checking import check_clip_sound
    from mimictalk.prompting import prompt_from_track
    from mimictalk.sound_alignment import heard_part

    features, _ = check_clip_sound(video, sound_offset)
    return prompt_from_track(heard_part(track, sound_offset), features)
