"""Judges face3dmm on real clips and on synthetic heads, beside the detector and the published fit.

    .venv/bin/python tools/bench/face3dmm.py                    # about ten minutes
    .venv/bin/python tools/bench/face3dmm.py clip.mp4 --seconds 10 --people 2 --keep face3dmm.json

Clips: those named, or the reference clips of real people in MIMICTALK_MEDIA (by its manifest; ../shared/media
by default). Everything is measured in one run on the same clips: the fit beside the published recipe
(`published_fit.py`), whole tracking beside its networks alone (`tracking_speed.py`), error, jitter and lips
beside the detector's own landmarks (`track_quality.py`), and errors on heads with known truth
(`synthetic_truth.py`). Pixels are those of the 512-pixel working picture. Progress goes to stderr, one JSON
object to the last line of stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: this file's name would hide the package.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from bench.published_fit import fit_published
from bench.synthetic_truth import draw_clips, judge
from bench.track_quality import (
    GROUPS,
    accelerations,
    best_lag,
    correlation,
    landmark_errors,
    projected,
    rms,
    still_frames,
)
from bench.tracking_speed import Seconds, TrackingTimes, time_tracking, timed
from face3dmm import FaceModel, FaceTrack, fit_landmarks
from face3dmm.landmarks import RIGID, mouth_opening

SEED = 100  # of the first synthetic person
TOO_FEW = 25  # frames of still head: a figure from fewer says nothing


def fit_figures(model: FaceModel, tracks: dict[str, FaceTrack], repeats: int) -> list[Figure]:
    """Time and landmark error of the fit beside the published recipe on the same landmarks."""
    found, speed, speed_cpu = [], [], []
    for name, track in tracks.items():
        landmarks = track.landmarks[track.coeffs.confidence > 0]
        fit_landmarks(model, landmarks[:50])  # warms up
        own: list[Seconds] = []
        theirs: list[Seconds] = []
        late = 0.0
        for _ in range(repeats):
            own += [timed(lambda marks=landmarks: fit_landmarks(model, marks)) for _ in range(2)]
            results = []
            whole = timed(lambda marks=landmarks, out=results: out.append(fit_published(model, marks)))
            late = results[0].late_seconds
            theirs.append(Seconds(results[0].seconds, whole.cpu * results[0].seconds / whole.wall))
        wall, cpu = min(one.wall for one in own), min(one.cpu for one in own)
        base_wall, base_cpu = min(one.wall for one in theirs), min(one.cpu for one in theirs)
        speed.append(base_wall / wall)
        speed_cpu.append(base_cpu / cpu)
        ours = landmark_errors(projected(model, fit_landmarks(model, landmarks)), landmarks)
        published = landmark_errors(projected(model, results[0].coeffs), landmarks)
        found += [
            figure(f"{name}/fit_seconds", wall, f"s for {len(landmarks)} frames", baseline=base_wall),
            figure(f"{name}/published_late_seconds", late, "s more, for a stage whose result is thrown away"),
        ]
        found += [
            figure(f"{name}/error_{group}", ours[group], "px", baseline=published[group], goal=published[group],
                   most=True) for group in GROUPS
        ]  # fmt: skip
        print(
            f"{name}: fit {wall:.2f} s, published {base_wall:.2f} s; errors {ours}, published {published}",
            file=sys.stderr,
        )
    goal, unit = 20.0, "x the published 400 steps"
    if not tracks:
        found.append(
            figure("fit/times_faster", None, unit, goal=goal, reason="no clips: set MIMICTALK_MEDIA")
        )
    else:
        found.append(figure("fit/times_faster", sum(speed) / len(speed), unit, goal=goal))
        found.append(figure("fit/times_faster_cpu", sum(speed_cpu) / len(speed_cpu), unit + ", CPU time"))
    return found


def speed_figures(times: dict[str, TrackingTimes], tracks: dict[str, FaceTrack]) -> list[Figure]:
    """Share of the networks' own speed that whole tracking reaches, all clips together."""
    if not times:
        return []

    def total(part: str) -> Seconds:
        zero = Seconds(0, 0)
        return sum((getattr(one, part) for one in times.values()), zero)

    track, masks, detector, segmenter = (total(part) for part in ("track", "masks", "detector", "segmenter"))
    frames = sum(len(one) for one in tracks.values())
    whole, networks = track + masks, detector + segmenter
    found = [
        figure("speed/track_and_masks", frames / whole.wall, "frames/s", baseline=frames / networks.wall),
        figure(
            "speed/track_and_masks_share",
            networks.wall / whole.wall,
            "of detector and segmenter alone",
            goal=0.8,
        ),
        figure("speed/track_and_masks_share_cpu", networks.cpu / whole.cpu, "the same in CPU time"),
        figure("speed/track_share", detector.wall / track.wall, "of the detector alone", goal=0.8),
        figure("speed/track_share_cpu", detector.cpu / track.cpu, "the same in CPU time"),
    ]
    for name, one in times.items():
        share = (one.detector.cpu + one.segmenter.cpu) / (one.track.cpu + one.masks.cpu)
        found.append(figure(f"{name}/speed_share_cpu", share, "of detector and segmenter alone, CPU time"))
    parts = (("track_video", track), ("masks", masks), ("detector", detector), ("segmenter", segmenter))
    found += [
        figure(f"speed/{name}_ms", 1e3 * part.cpu / frames, "ms of CPU per frame") for name, part in parts
    ]
    return found


def course_figures(model: FaceModel, tracks: dict[str, FaceTrack]) -> list[Figure]:
    """Jitter while the head is still, all clips together, and the course of the lips in each."""
    found: list[Figure] = []
    groups = {"rigid": list(RIGID), "all": list(GROUPS["all"])}
    squares: dict[str, list[tuple[Tensor, Tensor]]] = {group: [] for group in groups}
    for name, track in tracks.items():
        good = track.coeffs.confidence > 0
        detected, fitted = track.landmarks[..., :2], projected(model, track.coeffs)
        still = still_frames(track.landmarks) & good
        print(f"{name}: {int(still.sum())} of {len(track)} frames with a still head", file=sys.stderr)
        for group, points in groups.items():
            pair = (accelerations(seen[:, points], still) for seen in (detected, fitted))
            squares[group].append(tuple(pair))
        opened, followed = mouth_opening(detected)[good], mouth_opening(fitted)[good]
        lag, unit = best_lag(opened, followed), "of fitted with detected opening"
        found += [
            figure(f"{name}/lips_correlation", correlation(opened, followed), unit, goal=0.98),
            figure(f"{name}/lips_lag", abs(lag), f"frames (peak at {lag:+d})", goal=0, most=True),
        ]
    return [*(_jitter_figure(group, pairs) for group, pairs in squares.items()), *found]


def _jitter_figure(group: str, pairs: list[tuple[Tensor, Tensor]]) -> Figure:
    """How many times less the fitted points accelerate, RMS over all still frames."""
    name, frames = f"jitter/{group}", sum(len(before) for before, _ in pairs)
    if frames < TOO_FEW:
        reason = f"the head is still in {frames} frames only"
        return figure(name, None, "x less acceleration than detected", goal=3.0, reason=reason)
    before, after = (rms(torch.cat(side)) for side in zip(*pairs, strict=True))
    unit = f"x less acceleration than detected ({before:.2f} px), {frames} still frames"
    return figure(name, before / after, unit, goal=3.0)


def truth_figures(model: FaceModel, people: int, frames: int) -> list[Figure]:
    """Errors on synthetic heads with known truth."""
    errors = judge(model, draw_clips(people, frames, SEED))
    mean = {name: float(value.mean()) for name, value in vars(errors).items() if isinstance(value, Tensor)}
    steady = ", each person's constant offset taken out"
    return [
        figure("truth/frames", len(errors.rotation), f"of {people} people, {errors.missed} more without a face"),
        figure("truth/rotation", mean["rotation"], "degrees", goal=1.0, most=True),
        figure("truth/rotation_steady", mean["steady_rotation"], "degrees" + steady, goal=1.0, most=True),
        figure("truth/mouth", 100 * mean["mouth"], "% of the range in the person's clip",
               baseline=100 * mean["detected_mouth"], goal=3.0, most=True),
        figure("truth/mouth_steady", 100 * mean["steady_mouth"], "% of that range" + steady, goal=3.0, most=True),
        figure("truth/mouth_full_range", 100 * mean["full_mouth"], "% of the person's range from rest to jawOpen 1", goal=3.0, most=True),
        figure("truth/jitter_rigid", errors.jitter["rigid"], "x less acceleration of the error than detected", goal=3.0),
        figure("truth/jitter_all", errors.jitter["all"], "x less acceleration of the error than detected", goal=3.0),
        figure("truth/gaze", mean["gaze"], "degrees", goal=5.0, most=True),
        figure("truth/gaze_steady", mean["steady_gaze"], "degrees" + steady, goal=5.0, most=True),
    ]  # fmt: skip


def ict_figure(model: FaceModel, tracks: dict[str, FaceTrack]) -> Figure:
    """Landmark error of the open face over that of ICT-FaceKit, both fitted by the same code."""
    name, unit, folder = "open_over_ict", "x its landmark error", os.environ.get("MIMICTALK_ICT_FACEKIT")
    load = getattr(FaceModel, "from_ict_facekit", None)
    if not folder or load is None or not tracks:
        lacks = (
            "FaceModel.from_ict_facekit"
            if load is None
            else "MIMICTALK_ICT_FACEKIT"
            if not folder
            else "clips"
        )
        return figure(name, None, unit, goal=1.3, most=True, reason=f"there is no {lacks}")
    other, errors = load(folder), []
    for candidate in (model, other):
        known = torch.nonzero(model.known_468 & other.known_468).flatten()
        total = 0.0
        for track in tracks.values():
            marks = track.landmarks[track.coeffs.confidence > 0]
            seen = projected(candidate, fit_landmarks(candidate, marks))
            total += float((seen - marks[:, :468, :2])[:, known].norm(dim=-1).mean())
        errors.append(total / len(tracks))
    unit, ratio = f"{unit}, {len(known)} landmarks", errors[0] / errors[1]
    return figure(name, ratio, unit, baseline=errors[1], goal=1.3, most=True)


def real_clips() -> list[Path]:
    """Reference clips of real people in the media folder, one of each footage and framing."""
    folder = Path(os.environ.get("MIMICTALK_MEDIA", Path(__file__).parents[3] / "shared" / "media"))
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        print(f"no clips in {folder}: set MIMICTALK_MEDIA", file=sys.stderr)
        return []
    items = json.loads(manifest.read_text())["items"]
    wanted = (one for one in items if one["role"].startswith("adaptation reference"))
    return [folder / one["name"] for one in wanted if "no real person" not in one["role"]]


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="*", type=Path, help="videos; by default those of MIMICTALK_MEDIA")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each clip, from its start")
    parser.add_argument("--people", type=int, default=8, help="synthetic people; 0 leaves them out")
    parser.add_argument("--frames", type=int, default=50, help="of each synthetic person")
    parser.add_argument("--repeats", type=int, default=2, help="of the timed fits; the fastest counts")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = FaceModel.open_face()
    tracks, times = {}, {}
    for path in args.clips or real_clips():
        tracks[path.stem], times[path.stem] = time_tracking(path, args.seconds)
        print(f"{path.stem}: {len(tracks[path.stem])} frames, {times[path.stem]}", file=sys.stderr)
    figures = fit_figures(model, tracks, args.repeats) + speed_figures(times, tracks)
    figures += course_figures(model, tracks)
    figures += truth_figures(model, args.people, args.frames) if args.people else []
    figures.append(ict_figure(model, tracks))
    report("face3dmm", SEED, figures, args.keep)


if __name__ == "__main__":
    main()
