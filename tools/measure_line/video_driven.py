"""Adapt on the first part of a clip, copy the motion of the last part, compare with its true frames."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from measure_line import judge, landmarks, sheets
from measure_line.app import App
from measure_line.clips import Split, cut, read_frames
from measure_line.figures import Figure
from measure_line.judge import Scores, Truth
from measure_line.process import Run

LEARNED_SHARE = 0.8
MOUTH_GAIN = 2.0  # dB over the mean frame
SHARPNESS = 0.5
MOUTH_CORRELATION = 0.75
ADAPT_MINUTES = 15.0
ADAPT_GB = 4.0


@dataclass(frozen=True)
class Person:
    """A clip that was cut, learned and rendered again.

    Attributes:
        name: Of the clip.
        folder: Where everything about it is kept.
        split: The two parts.
        truth: The held-back frames and their faces.
        learned_landmarks: (T1, 478, 2) pixels in the frames learned from.
        avatar: The adapted person.
    """

    name: str
    folder: Path
    split: Split
    truth: Truth
    learned_landmarks: np.ndarray
    avatar: Path

    @classmethod
    def of(cls, clip: Path, folder: Path) -> "Person":
        """Cut a clip and find the faces of both parts."""
        split = cut(clip, LEARNED_SHARE, folder)
        truth, learned = Truth.of(split.last_frames), landmarks.detect(split.first_frames)
        return cls(clip.stem, folder, split, truth, learned, folder / "avatar")

    @property
    def opening(self) -> np.ndarray:
        """The true mouth opening over the whole clip, (T,), in eye distances."""
        return landmarks.mouth_opening(np.concatenate([self.learned_landmarks, self.truth.landmarks]))


def stills(person: Person) -> dict[str, np.ndarray]:
    """Return the two baselines: the mean frame, and the frame with the nearest landmarks."""
    learned, length = person.split.first_frames, len(person.truth.frames)
    nearest = judge.nearest_frames(learned, person.learned_landmarks, person.truth.landmarks)
    return {"mean": judge.mean_frame(learned, length), "nearest": nearest}


def measure_video(person: Person, app: App, options: list[str]) -> list[Figure]:
    """Adapt, render with the held-back part as driver, and judge. `options` go to `mimictalk adapt`."""
    baselines = stills(person)
    mean, nearest = (judge.score(person.truth, frames) for frames in baselines.values())
    say(person.name, "mean frame", mean)
    say(person.name, "nearest frame", nearest)
    adapted = app.adapt(person.split.first, person.avatar, options)
    rendered, output = drive(person, app, person.avatar, "driven.mp4")
    scores = judge.score(person.truth, output)
    say(person.name, "output", scores)
    draw(person, output, baselines)
    figures = [*picture_figures(scores, mean, nearest), *cost_figures(adapted, rendered, len(output))]
    return [named(person.name, figure) for figure in figures]


def drive(person: Person, app: App, avatar: Path, name: str) -> tuple[Run, np.ndarray]:
    """Render an avatar with the motion and head pose of the held-back part; return cost and frames."""
    video = person.folder / name
    run = app.render(avatar, video, ["--drive", str(person.split.last), "--drive-pose", "absolute"])
    return run, judge.same_length(person.truth.frames, read_frames(video))


def picture_figures(scores: Scores, mean: Scores, nearest: Scores) -> list[Figure]:
    """Return what the held-back frames say, with the bars of this stage."""
    still = max(mean.full_psnr, nearest.full_psnr)
    mouth_bar = mean.mouth_psnr + MOUTH_GAIN
    return [
        Figure("full_psnr", scores.full_psnr, "dB", still, still),
        Figure("full_psnr_gain", scores.full_psnr - still, "dB", 0.0),
        Figure("mouth_psnr", scores.mouth_psnr, "dB", mean.mouth_psnr, mouth_bar),
        Figure("mouth_psnr_over_nearest", scores.mouth_psnr - nearest.mouth_psnr, "dB", 0.0),
        Figure("sharpness", scores.sharpness, "ratio", mean.sharpness, SHARPNESS),
        Figure(
            "mouth_correlation", scores.mouth_correlation, "r", nearest.mouth_correlation, MOUTH_CORRELATION
        ),
        Figure("ssim", scores.ssim, "", max(mean.ssim, nearest.ssim)),
        Figure("gmsd", scores.gmsd, "", nearest.gmsd, sense="<="),
        Figure("landmark_distance", scores.landmark_distance, "px", nearest.landmark_distance, sense="<="),
        Figure("flicker", scores.flicker, "ratio", 1.0, sense="<="),
        Figure("faces_found", scores.faces_found, "share", nearest.faces_found),
    ]


def cost_figures(adapted: Run, rendered: Run, frames: int) -> list[Figure]:
    """Return time and memory of adapting and rendering, whole commands with everything they start."""
    return [
        Figure("adapt_minutes", adapted.seconds / 60, "min", bar=ADAPT_MINUTES, sense="<="),
        Figure("adapt_cpu_minutes", adapted.cpu_seconds / 60, "min", sense="<="),
        Figure("adapt_peak_gb", adapted.peak_gb, "GB", bar=ADAPT_GB, sense="<="),
        Figure("drive_fps", frames / rendered.seconds, "frames/s"),  # tracks the driving video as well
        Figure("drive_peak_gb", rendered.peak_gb, "GB", sense="<="),
    ]


def measure_start(person: Person, app: App, steps: int, seed_options: list[str]) -> list[Figure]:
    """Compare the embedded weights with random ones as the start of equally short adaptations.

    Args:
        person: The clip.
        app: The commands.
        steps: Training steps of both.
        seed_options: What makes `mimictalk adapt` start from random weights.
    """
    scores = {}
    for start, options in (("embedded", []), ("random", seed_options)):
        avatar = person.folder / f"avatar_{start}_{steps}"
        app.adapt(person.split.first, avatar, ["--steps", str(steps), *options])
        _, output = drive(person, app, avatar, f"driven_{start}_{steps}.mp4")
        scores[start] = judge.score(person.truth, output)
        say(person.name, f"{start} start, {steps} steps", scores[start])
    embedded, random = scores["embedded"], scores["random"]
    figures = [
        Figure("start_full_psnr", embedded.full_psnr, "dB", random.full_psnr, random.full_psnr),
        Figure("start_mouth_psnr", embedded.mouth_psnr, "dB", random.mouth_psnr, random.mouth_psnr),
        Figure("start_sharpness", embedded.sharpness, "ratio", random.sharpness),
    ]
    return [named(person.name, figure) for figure in figures]


def draw(person: Person, output: np.ndarray, baselines: dict[str, np.ndarray]) -> None:
    """Write the contact sheets, whole frames and faces, and the plot of mouth openings."""
    truth = person.truth
    rows = {"true": truth.frames, "output": output, "nearest frame": baselines["nearest"]}
    rows |= {"mean frame": baselines["mean"], "difference x4": sheets.difference(truth.frames, output)}
    sheets.contact_sheet(person.folder / "sheet.png", rows)
    close = {name: rows[name] for name in ("true", "output", "nearest frame")}
    sheets.contact_sheet(person.folder / "sheet_faces.png", close, truth.face_boxes)
    sheets.contact_sheet(person.folder / "sheet_mouths.png", close, truth.mouth_boxes, columns=12)
    curves = {"true": landmarks.mouth_opening(truth.landmarks)}
    curves["output, found again"] = landmarks.mouth_opening(landmarks.detect(output))
    sheets.plot_curves(person.folder / "mouth_driven.png", f"{person.name}, driven by video", curves)


def named(clip: str, figure: Figure) -> Figure:
    """Return the figure with the clip's name in front."""
    return Figure(**{**asdict(figure), "name": f"{clip}/{figure.name}"})


def say(clip: str, row: str, scores: Scores) -> None:
    """Print one line of scores as progress."""
    values = ", ".join(f"{name} {value:.3f}" for name, value in asdict(scores).items())
    print(f"{clip}: {row}: {values}", file=sys.stderr, flush=True)
