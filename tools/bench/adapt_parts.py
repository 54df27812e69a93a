"""The parts of the adaptation bench: each measured once per clip and kept as it comes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from measure_line import judge
from measure_line.app import App
from measure_line.clips import FPS, read_frames, read_sound, write_clip, write_wav
from measure_line.figures import commit
from measure_line.picture_measures import flicker
from measure_line.process import CommandFailed, Run
from measure_line.video_driven import Person, draw, drive, say, stills

SIDE, SHORT_SECONDS, SOUND_RATE = 512, 5, 48000
VARIANTS = ("whole", "no-planes", "no-lora", "random", "published")
Part = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What every part shares.

    Attributes:
        out: Folder of everything made; runs of other settings lie beside each other in it.
        steps: Of everything that learns; None for each recipe's own.
        first: Seconds of each clip that are used; None for all.
        seed: Of everything random.
    """

    out: Path
    steps: int | None
    first: float | None
    seed: int

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"Bench.steps must be at least 1, got {self.steps!r}")
        if self.first is not None and self.first < 7:
            raise ValueError(f"Bench.first must be at least 7 s (a second is judged), got {self.first!r}")

    def folder(self, clip: Path) -> Path:
        """Where everything about a clip is kept: what other settings found is not mistaken for it."""
        run = f"steps_{self.steps or 'own'}_first_{self.first or 'all'}_seed_{self.seed}"
        return self.out / run / clip.stem

    def options(self) -> list[str]:
        """For `mimictalk adapt`."""
        return [] if self.steps is None else ["--steps", str(self.steps)]


@dataclass(frozen=True, eq=False)
class Subject:
    """A clip and what is measured on it; frames are read, and faces found, when a part first asks."""

    bench: Bench
    clip: Path

    @property
    def folder(self) -> Path:
        """Of everything about the clip."""
        return self.bench.folder(self.clip)

    @cached_property
    def app(self) -> App:
        """The commands; what a killed bench finished is not done again."""
        return App(self.folder, self.bench.seed, reuse=True)

    @cached_property
    def ready(self) -> Path:
        """The clip as all parts see it: 512 x 512, and no longer than wanted."""
        return prepared(self.clip, self.folder, self.bench.first)

    @cached_property
    def person(self) -> Person:
        """Cut in two, with the faces of both parts."""
        return Person.of(self.ready, self.folder)

    def scored(self, avatar: Path, video: str) -> tuple[Run, Part]:
        """Render an avatar with the motion of the part kept back, and judge it."""
        rendered, frames = drive(self.person, self.app, avatar, video)
        scores = judge.score(self.person.truth, frames)
        say(self.clip.stem, video, scores)
        return rendered, asdict(scores)


def prepared(clip: Path, folder: Path, first: float | None) -> Path:
    """A clip of 512 x 512, by the tracker's crop where the file is larger or wider, cut after `first` seconds.

    The crop is chosen once, for both parts: true and drawn frames must show the same square.
    """
    from face3dmm import read_crops, track_video

    out = folder / "clip.mp4"
    if out.is_file():
        return out
    crop = track_video(clip, max_seconds=first).crop
    frames = np.stack(list(read_crops(clip, crop, size=SIDE, max_seconds=first)))
    sound = read_sound(clip, SOUND_RATE)[: round(len(frames) / FPS * SOUND_RATE)]
    folder.mkdir(parents=True, exist_ok=True)
    part = out.with_name("part.clip.mp4")
    write_clip(part, frames, sound, SOUND_RATE)
    part.replace(out)
    return out


def measure_stills(subject: Subject) -> Part:
    """The two stills of what is learned from."""
    baselines = stills(subject.person)
    return {name: asdict(judge.score(subject.person.truth, frames)) for name, frames in baselines.items()}


def measure_whole(subject: Subject) -> Part:
    """Likeness, time and memory of the usual way."""
    person = subject.person
    adapted = subject.app.adapt(person.split.first, person.avatar, subject.bench.options())
    rendered, scores = subject.scored(person.avatar, "driven.mp4")
    draw(person, read_frames(person.folder / "driven.mp4")[: len(person.truth.frames)], stills(person))
    about = json.loads((person.avatar / "avatar.json").read_text())["meta"]
    keys = ("over_time", "best_step", "resumed_at", "steps", "seconds")
    return {
        "scores": scores,
        "adapt": asdict(replace(adapted, result={})),
        "render": asdict(replace(rendered, result={})),
        "stages": adapted.result.get("seconds_by_stage", {}),
        "run": {key: about.get(key) for key in keys},
    }


def measure_static(subject: Subject) -> Part:
    """Flicker of the avatar speaking with a head that keeps still."""
    person = subject.person
    if not person.avatar.is_dir():
        subject.app.adapt(person.split.first, person.avatar, subject.bench.options())
    sound, video = person.folder / "held_back.wav", person.folder / "static.mp4"
    write_wav(sound, read_sound(person.split.last))
    subject.app.render(person.avatar, video, ["--audio", str(sound), "--pose", "static"])
    return {"flicker": flicker(person.truth.frames, read_frames(video))}


def measure_short(subject: Subject) -> Part:
    """Learned from five seconds, by our recipe and by the published one, beside the stills of these."""
    person, found = subject.person, dict[str, Any]()
    count = SHORT_SECONDS * FPS
    learned, points = person.split.first_frames[:count], person.learned_landmarks[:count]
    truth = person.truth
    rows = {
        "mean": judge.mean_frame(learned, len(truth.frames)),
        "nearest": judge.nearest_frames(learned, points, truth.landmarks),
    }
    for name, frames in rows.items():
        found[name] = asdict(judge.score(truth, frames))
    for recipe in ("own", "published"):
        avatar = person.folder / f"avatar_5s_{recipe}"
        options = ["--first", f"{SHORT_SECONDS}s", "--recipe", recipe, *subject.bench.options()]
        subject.app.adapt(person.split.first, avatar, options)
        found[recipe] = subject.scored(avatar, f"driven_5s_{recipe}.mp4")[1]
    return found


def measure_ablations(subject: Subject) -> Part:
    """Rows of `mimictalk ablate`: its figures are of the same measures, on the end of the clip."""
    folder = subject.folder / "ablation"
    subject.app.ablate(subject.ready, folder, ["--only", ",".join(VARIANTS), *subject.bench.options()])
    return dict(json.loads((folder / "ablation.json").read_text())["rows"])


PARTS: dict[str, Callable[[Subject], Part]] = {
    "stills": measure_stills,
    "whole": measure_whole,
    "static": measure_static,
    "first-5s": measure_short,
    "ablations": measure_ablations,
}


def measured(bench: Bench, clip: Path, parts: list[str]) -> dict[str, Part]:
    """What each part found on a clip; one that is kept already is read, one that fails says why."""
    subject, found = Subject(bench, clip), dict[str, Part]()
    folder = subject.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in parts:
        kept = folder / f"{name}.json"
        if kept.is_file():
            found[name] = json.loads(kept.read_text())
            continue
        print(f"{clip.stem}: {name}", file=sys.stderr, flush=True)
        try:
            part = PARTS[name](subject)
        except (CommandFailed, ValueError) as error:
            print(f"{clip.stem}: {name}: {error}", file=sys.stderr, flush=True)
            found[name] = {"reason": " ".join(str(error).split())[:300]}
            continue
        found[name] = {"found": part, "commit": commit(Path(__file__).parent)}
        temporary = kept.with_suffix(".part")
        temporary.write_text(json.dumps(found[name], indent=1) + "\n")
        temporary.replace(kept)
    return found
