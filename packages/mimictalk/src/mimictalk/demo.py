"""`demo`: the whole way on synthetic material that ships with the package. Nobody real is shown or heard."""

import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from mimictalk.adapt_job import AdaptSettings, make_avatar
from mimictalk.atomic import atomic_file
from mimictalk.console import Console
from mimictalk.errors import RunError
from mimictalk.render_job import RenderSettings, render_avatar

REFERENCE, SPEECH, AVATAR, VIDEO = "reference.mp4", "speech.flac", "avatar", "talking.mp4"
MATERIAL = {"reference.mp4": REFERENCE, "demo_speech.flac": SPEECH}  # in the package: in the demo's folder
STEPS, BUDGET_S = 300, 150.0  # whichever ends first: a first look, not the best likeness
CONSENT = "synthetic person: computed, does not exist"


def run_demo(out: Path, steps: int | None, console: Console) -> dict[str, Any]:
    """Put reference clip and speech into `out`, adapt, render; returns the facts of all steps.

    Args:
        out: Folder; made if missing. Only the demo's own files in it are replaced.
        steps: Training steps; None for a number that ends within minutes on two cores.
        console: Where progress goes.
    """
    for source, name in MATERIAL.items():
        _copy(source, out / name)
    console.note(f"1/3  reference clip: {out / REFERENCE} (synthetic)")
    console.note(f"2/3  adapting: {out / AVATAR}")
    settings = AdaptSettings(
        video=out / REFERENCE,
        out=out / AVATAR,
        steps=STEPS if steps is None else steps,
        budget_s=BUDGET_S if steps is None else None,
        consent=CONSENT,
        licence="MIT",
        force=True,
    )
    avatar = make_avatar(settings, console)
    console.note(f"3/3  rendering: {out / VIDEO}")
    render = RenderSettings(avatar=out / AVATAR, audio=out / SPEECH, out=out / VIDEO)
    video = render_avatar(render, console)
    console.note("Your own clip: mimictalk adapt REF.mp4, then mimictalk render --audio SPEECH.wav")
    return {**video, "adapted": avatar, "reference": str(out / REFERENCE), "speech": str(out / SPEECH)}


def _copy(name: str, target: Path) -> None:
    with resources.as_file(resources.files("mimictalk") / "data" / "demo" / name) as source:
        if not source.is_file():
            cure = "Install it again: pip install --force-reinstall --no-deps mimictalk"
            raise RunError("demo", f"its built-in {name} is missing", cure)
        with atomic_file(target) as temporary:
            shutil.copyfile(source, temporary)
