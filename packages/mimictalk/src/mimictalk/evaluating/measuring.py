"""All measures of two clips laid beside each other, as one evaluation, and the sheets to look at."""

from pathlib import Path
from typing import Any

import numpy as np

from mimictalk import __version__
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.evaluating import faces, figures, sheets
from mimictalk.evaluating.clips import SIZE, Clip
from mimictalk.evaluating.judges import Judges
from mimictalk.evaluating.pictures import compare_pictures
from mimictalk.evaluating.report import Evaluation
from mimictalk.evaluating.tables import tables

FPS = 25.0


def measure(
    name: str,
    true: Clip,
    output: Clip,
    judges: Judges,
    folder: Path,
    console: Console,
    *,
    cross: bool,
    source: Clip | None,
) -> tuple[Evaluation, list[Path]]:
    """Judge an output beside the clip that drove it.

    Args:
        name: Of what is judged, for the tables.
        true: The clip, with a track.
        output: The video.
        judges: Networks.
        folder: Where the contact sheets go.
        console: For progress.
        cross: Whether the clip shows somebody else.
        source: Across identities, a clip of the person who is drawn, or None.

    Returns:
        The evaluation and the contact sheets.

    Raises:
        InputError: If there is no frame to compare.
    """
    chosen = sheets.evenly_spread(min(true.length, output.length))
    shown: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def watch(number: int, wanted: np.ndarray, got: np.ndarray) -> None:
        if number in chosen:
            shown[number] = (wanted, got)

    with console.progress() as progress:
        found, run = compare_pictures(
            true,
            output,
            judges,
            source=source if cross else true,
            watch=watch,
            progress=lambda done, total: progress("compare", done, total, {}),
        )
    if not run.frames:
        cure = "Give a longer video or an earlier --from."
        raise InputError(output.path, "it has no frame to compare", cure)
    count = run.frames
    found |= faces.compare_faces(true, output, count, cross=cross)
    heard = faces.sound_features(output.path, output.first, count)
    heard = faces.sound_features(true.path, true.first, count) if heard is None else heard
    loudness = None if heard is None else faces.loudness(heard)
    mouths = faces.Mouths(faces.opening(true, count), faces.opening(output, count), loudness)
    found |= faces.compare_sound(mouths) | faces.compare_sync(output, heard, count)
    complete = figures.complete(found, cross)
    facts = {
        "name": name,
        "protocol": "cross identity" if cross else "same identity",
        "against": true.path.name,
        "against_sha256": true.track.source_hash if true.track is not None else None,
        "video": output.path.name,
        "source": None if source is None else source.path.name,
        "first_frame": true.first,
        "frames": count,
        "fps": FPS,
        "weights": judges.files,
        "tool": f"mimictalk {__version__}",
    }
    curves: dict[str, dict[str, Any]] = {"Mouth opening": {"clip": mouths.true, "output": mouths.output}}
    if "psnr" in run.values:
        by_frame = {"whole frame": run.values["psnr"], "mouth": run.values["psnr_mouth"]}
        curves = {"PSNR, dB": by_frame, **curves}
    layouts = tables(complete, name, cross=cross)
    return Evaluation(facts, complete, layouts, curves), _draw(folder, shown, true, cross)


def _draw(folder: Path, shown: dict[int, tuple[Any, Any]], true: Clip, cross: bool) -> list[Path]:
    """Contact sheets of whole frames and, for one identity, of faces."""
    from face3dmm.metrics import face_box

    numbers = sorted(shown)
    rows = {name: np.stack([shown[i][row] for i in numbers]) for row, name in enumerate(("clip", "output"))}
    labels = [number + true.first for number in numbers]
    whole, close = folder / "frames.png", folder / "faces.png"
    if cross:
        sheets.contact_sheet(whole, rows, numbers=labels)
        return [whole]
    apart = {"difference x4": sheets.difference(rows["clip"], rows["output"])}
    sheets.contact_sheet(whole, rows | apart, numbers=labels)
    landmarks = true.landmarks(numbers[-1] + 1)[numbers, :, :2].numpy()
    sheets.contact_sheet(close, rows, [face_box(points, SIZE) for points in landmarks], numbers=labels)
    return [whole, close]
