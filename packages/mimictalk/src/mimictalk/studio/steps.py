"""A job as command lines of this program, and the files that come out of it.

Every name in a command line is relative to the job's folder and was made here; what a user wrote is passed as
the value of an option, in one word with it, so that it can be nothing else.
"""

from dataclasses import dataclass
from typing import Any

from mimictalk.studio.job import Job

VIDEO, AVATAR, CSV = "out/video.mp4", "out/avatar", "out/face.csv"
RUN = "cache/mimictalk/adapt/*"
ARTEFACTS: dict[str, dict[str, str]] = {  # kind: name in the API: pattern in the job's folder
    "check": {},
    "adapt": {
        "preview.png": f"{AVATAR}/preview.png",
        "report.html": f"{AVATAR}/report.html",
        "progress.png": f"{RUN}/preview.png",  # while it learns
        "held_out.svg": f"{RUN}/held_out.svg",
    },
    "render": {"video.mp4": VIDEO},
    "motion": {"face.csv": CSV},
}


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: Of the files that hold its result.
        arguments: Of `mimictalk`.
        may_fail: Whether the job goes on, with the error as this step's result.
    """

    name: str
    arguments: tuple[str, ...]
    may_fail: bool = False


def steps(job: Job) -> list[Step]:
    """The commands of a job, in order."""
    asked = job.options
    if job.kind == "check":
        return [Step("check", ("check", _file(asked["clip"]), "--json"), may_fail=True)]
    if job.kind == "adapt":
        # --force: a run that was killed between its last write and its report is made again.
        # The blank before a statement: adapt would read a file of that very name, and none begins with one.
        said = [f"--{name}= {asked[name]}" for name in ("consent", "licence") if asked.get(name) is not None]
        options = (*said, *_options(asked, "steps", "budget", "seed"))
        return [Step("adapt", ("adapt", _file(asked["clip"]), "-o", AVATAR, "--force", *options, "--json"))]
    if job.kind == "render":
        return [
            Step("render", ("render", "in/avatar", "-o", VIDEO, *_video_options(asked), "--json")),
            Step("verify", ("verify", VIDEO, "--json"), may_fail=True),
        ]
    if "audio" in asked:
        options = (*_options(asked, "style_strength", "blink", "seed"), f"--pose={asked.get('pose', 'ref')}")
        return [Step("motion", ("motion", _file(asked["audio"]), "-o", CSV, *options, "--json"))]
    return [Step("track", ("track", _file(asked["clip"]), "-o", CSV, "--json"))]


def _video_options(asked: dict[str, Any]) -> list[str]:
    options = [f"--{name}={_file(asked[name])}" for name in ("audio", "drive", "style") if asked.get(name)]
    options += _options(asked, "style_strength", "mouth", "blink", "gaze", "drive_pose", "seed", "label")
    for name in ("pose", "background"):
        value = asked.get(name)
        if value is not None:  # a file has the name that was made for it here
            options.append(f"--{name}={_file(value) if value.startswith(f'{name}.') else value}")
    return options


def _options(asked: dict[str, Any], *names: str) -> list[str]:
    return [f"--{name.replace('_', '-')}={asked[name]}" for name in names if asked.get(name) is not None]


def _file(name: str) -> str:
    return f"in/{name}"
