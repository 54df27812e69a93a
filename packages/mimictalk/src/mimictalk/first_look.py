"""The person of a clip at first sight: drawn from its first seconds before the whole of it is followed.

Following and cutting out a whole clip takes longer than people wait for a sign of life. What image-to-plane
makes of one good frame shows whether the right person is learned, and in what light.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from mimictalk.adapt_recipe import Recipe
    from mimictalk.console import Console
    from mimictalk.stage_clock import StageClock

SECONDS = 2.0


def draw_first_look(
    video: Path,
    folder: Path,
    recipe: "Recipe",
    seed: int,
    segmenter: Path | None,
    device: "torch.device",
    console: "Console",
    progress: "StageClock",
) -> None:
    """Write the preview of a run that begins; one that goes on has a better one already.

    Where nobody can be followed in the first seconds nothing is drawn: whether the clip can be used is for
    `check_reference` to say, from all of it.

    Args:
        video: The clip, known to be a video.
        folder: Of the run; the live preview takes the picture's place.
        recipe: What will learn.
        seed: Of the run.
        segmenter: As of `adapt_clip`.
        device: Where networks compute.
        console: Told where the picture is.
        progress: Called with ("first look", done, total, {}).
    """
    import torch

    from face3dmm import track_video
    from face3dmm.errors import InputError
    from mimictalk.adapt_preview import PICTURE, LivePreview
    from mimictalk.portrait_material import portrait_clip
    from mimictalk.rendering import base_model

    if (folder / PICTURE).exists():
        return
    torch.set_flush_denormal(True)
    progress("first look", 0, 1, {})
    try:
        track = track_video(video, max_seconds=SECONDS)
    except InputError:
        return
    clip = portrait_clip(video, track, SECONDS, _quiet, segmenter=segmenter)
    tensors = {"face_identity": track.coeffs.identity}
    if recipe.start == "random":
        tensors["random_start_seed"] = torch.tensor(seed)
    source = recipe.source_frame(clip, track.coeffs.expression)
    backbone = recipe.backbone(base_model(tensors).to(device), clip, track, source, [])
    LivePreview(folder, backbone).draw()
    progress("first look", 1, 1, {})
    console.note(f"first look: {folder / PICTURE}")


def _quiet(stage: str, done: int, total: int, facts: dict[str, Any]) -> None:
    """The stages of a first look are too short to be told."""
