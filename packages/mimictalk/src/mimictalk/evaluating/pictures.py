"""Measures of pictures over two clips, a few frames in memory at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mimictalk.evaluating.clips import SIZE, Clip
from mimictalk.evaluating.figures import Figure
from mimictalk.evaluating.judges import NEEDED, Judges

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 8  # frames
FOUND_AT_ONCE = 25  # frames of the source person whose faces CSIM compares with
NO_SOURCE = "across identities it needs pictures of the avatar's person: give --source FILE"
Watch = Callable[[int, NDArray, NDArray], None]


@dataclass
class PictureRun:
    """What is gathered while the frames go by.

    Attributes:
        values: Measure to one number per frame.
        frames: How many were compared.
        made: Embeddings of the faces in the output, true: those in the true frames.
        real: How many frames of the person FID has seen.
    """

    values: dict[str, list[float]] = field(default_factory=dict)
    frames: int = 0
    made: list["Tensor"] = field(default_factory=list)
    true: list["Tensor"] = field(default_factory=list)

    def add(self, key: str, values: NDArray) -> None:
        """Append the numbers of some frames."""
        self.values.setdefault(key, []).extend(float(value) for value in values)


def compare_pictures(
    true: Clip,
    output: Clip,
    judges: Judges,
    *,
    source: Clip | None,
    watch: Watch,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, Figure], PictureRun]:
    """Measure the frames of two clips in pairs.

    Args:
        true: The clip that drives, with a track.
        output: The video that is judged.
        judges: Networks.
        source: Of the avatar's person: `true` itself for the same identity; else a clip, or None.
        watch: Called with number, true frame and output frame of every pair.
        progress: Called with frames done and frames expected.

    Returns:
        Figures, and the numbers per frame.
    """
    from portrait3d.metrics.frechet import FrechetDistance

    run, same = PictureRun(), source is true
    expected = min(true.length, output.length)
    landmarks = true.landmarks(expected)[..., :2].double().numpy()
    distance = FrechetDistance(judges.inception) if judges.inception is not None else None
    for start, wanted, got in paired(true.frames(), output.frames(), expected):
        stop = start + len(wanted)
        if same:
            _pixels(run, wanted, got, landmarks[start:stop], judges)
            if distance is not None:
                distance.add(wanted, real=True)
        if distance is not None:
            distance.add(got, real=False)
        _embed(run, judges, true, output, start, wanted, got, landmarks[start:stop], same)
        for offset in range(len(wanted)):
            watch(start + offset, wanted[offset], got[offset])
        run.frames = stop
        progress(stop, expected)
    if source is not None and not same:
        if distance is not None:
            distance.add(source.frames(), real=True)
        _embed_source(run, judges, source)
    figures = {key: Figure(key, float(np.mean(values))) for key, values in run.values.items()}
    if judges.lpips is None:
        figures["lpips"] = Figure("lpips", None, NEEDED["lpips"])
    figures["fid"] = _fid(distance, source is None)
    figures["csim"] = _csim(run, judges, same, source is None)
    return figures, run


def paired(
    true: Iterator[NDArray], output: Iterator[NDArray], most: int
) -> Iterator[tuple[int, NDArray, NDArray]]:
    """Pairs of frames in chunks: number of the first, (n, 512, 512, 3) each; the shorter clip ends it."""
    pairs = islice(zip(true, output, strict=False), most)
    start = 0
    while chunk := list(islice(pairs, CHUNK)):
        yield start, np.stack([a for a, _ in chunk]), np.stack([b for _, b in chunk])
        start += len(chunk)


def _pixels(run: PictureRun, wanted: NDArray, got: NDArray, landmarks: NDArray, judges: Judges) -> None:
    from face3dmm.metrics import face_box, mouth_box
    from portrait3d.metrics.detail import gmsd, sharpness
    from portrait3d.metrics.lpips import lpips
    from portrait3d.metrics.pixels import l1, psnr, ssim

    faces = [face_box(points, SIZE) for points in landmarks]
    run.add("l1", l1(wanted, got))
    run.add("psnr", psnr(wanted, got))
    run.add("psnr_face", psnr(wanted, got, faces))
    run.add("psnr_mouth", psnr(wanted, got, [mouth_box(points, SIZE) for points in landmarks]))
    run.add("ssim", ssim(wanted, got))
    run.add("sharpness", sharpness(wanted, got, faces))
    run.add("gmsd", gmsd(wanted, got, faces))
    if judges.lpips is not None:
        run.add("lpips", lpips(judges.lpips, wanted, got))


def _embed(
    run: PictureRun,
    judges: Judges,
    true: Clip,
    output: Clip,
    start: int,
    wanted: NDArray,
    got: NDArray,
    landmarks: NDArray,
    same: bool,
) -> None:
    """Embeddings of the frames of a chunk in which both faces are seen."""
    if judges.recognition is None or output.track is None:
        return
    from face3dmm.metrics import recognition_points
    from portrait3d.metrics.face_recognition import embeddings

    stop = start + len(wanted)
    seen = np.flatnonzero((true.seen(stop) & output.seen(stop))[start:])
    if not len(seen):
        return
    found = output.landmarks(stop)[start:][seen]
    run.made.append(embeddings(judges.recognition, got[seen], recognition_points(found)))
    if same:
        run.true.append(embeddings(judges.recognition, wanted[seen], recognition_points(landmarks[seen])))


def _embed_source(run: PictureRun, judges: Judges, source: Clip) -> None:
    """Embeddings of some frames of the avatar's person, evenly spread."""
    if judges.recognition is None:
        return
    from face3dmm.metrics import recognition_points
    from portrait3d.metrics.face_recognition import embeddings

    seen = np.flatnonzero(source.seen(source.length))
    chosen = set(seen[np.linspace(0, len(seen) - 1, min(FOUND_AT_ONCE, len(seen))).round().astype(int)])
    frames = np.stack([frame for number, frame in enumerate(source.frames()) if number in chosen])
    points = recognition_points(source.landmarks(source.length)[sorted(chosen)])
    run.true.append(embeddings(judges.recognition, frames, points))


def _fid(distance: object, no_source: bool) -> Figure:
    from portrait3d.metrics.frechet import FrechetDistance

    if no_source:
        return Figure("fid", None, NO_SOURCE)
    if not isinstance(distance, FrechetDistance):
        return Figure("fid", None, NEEDED["fid"])
    try:
        return Figure("fid", distance.value())
    except ValueError as error:
        return Figure("fid", None, str(error))


def _csim(run: PictureRun, judges: Judges, same: bool, no_source: bool) -> Figure:
    from portrait3d.metrics.face_recognition import mean_similarity

    if no_source:
        return Figure("csim", None, NO_SOURCE)
    if judges.recognition is None:
        return Figure("csim", None, NEEDED["csim"])
    if not run.made or not run.true:
        return Figure("csim", None, "no frame shows both faces")
    return Figure("csim", mean_similarity(run.made, run.true, frame_by_frame=same))
