"""`adapt`: a clip in, an avatar folder out. Verdict first, then training, then one atomic write."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk import __version__
from mimictalk.adapt_recipe import RECIPES
from mimictalk.atomic import temporary_prefix
from mimictalk.avatar import Avatar, check_target, facts, write_avatar
from mimictalk.base_weights import installed
from mimictalk.checking import Verdict, check_reference, refuse_picture
from mimictalk.compute_device import check_device, chosen_device
from mimictalk.consent import obtain_consent
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.heap import release_heap
from mimictalk.imported_base import ImportedBase, given_base
from mimictalk.manifest import Manifest, sha256_file
from mimictalk.marks import now
from mimictalk.person_motion import learn_speech
from mimictalk.stage_clock import StageClock, peak_memory
from mimictalk.state import remember_avatar

if TYPE_CHECKING:
    import torch

PRESETS = ("small", "full")


@dataclass(frozen=True)
class AdaptSettings:
    """What `adapt` is asked to do.

    Attributes:
        video: The reference clip.
        out: The folder to make.
        steps: Training steps; None leaves it to the preset.
        budget_s: Longest training time in seconds; None for no limit.
        max_seconds: Learn from the beginning of the clip only; None for all of it.
        seed: Of everything random.
        consent: What the person shown agreed to, or a file with their statement; None asks.
        licence: Terms under which the avatar may be used, to be recorded.
        force: Replace an avatar that is at `out`.
        start: "embedded" weights, or "random" ones, to measure what the embedded ones are worth.
        segmenter: A segmentation task file of MediaPipe to use in place of the bundled network.
        tune_motion: Learn the person's way of speaking too; kept only where it helps.
        recipe: "own", or "published": losses, sampling and settings of the published adaptation.
        device: Where networks compute, see `chosen_device`. A run begun on one goes on on any other.
        preset: "small", or "full" on imported weights.
        weights, face_model: Folders of imported weights and of the Basel Face Model, for "full".
    """

    video: Path
    out: Path
    steps: int | None = None
    budget_s: float | None = None
    max_seconds: float | None = None
    seed: int = 0
    consent: str | None = None
    licence: str | None = None
    force: bool = False
    start: str = "embedded"
    segmenter: Path | None = None
    recipe: str = "own"
    tune_motion: bool = True
    device: str = "cpu"
    preset: str = "small"
    weights: Path | None = None
    face_model: Path | None = None

    def of_run(self) -> dict[str, Any]:
        """What decides on the run: the arguments that `planned_run` and `adapt_clip` share."""
        names = ("preset", "steps", "budget_s", "seed", "start", "recipe", "max_seconds", "segmenter")
        return {name: getattr(self, name) for name in names}

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise InputError(
                "--steps", f"{self.steps} is not above zero", "Leave it out for the usual number."
            )
        if self.max_seconds is not None and self.max_seconds < 1:
            raise InputError("--first", f"{self.max_seconds:g} s are too few", "Give at least 1s.")
        if not 0 <= self.seed < 2**63:
            raise InputError("--seed", f"{self.seed} is out of range", "Give a whole number from 0.")
        if self.start not in ("embedded", "random"):
            raise InputError("--start", f"{self.start!r} is unknown", "Give embedded or random.")
        if self.recipe not in RECIPES:
            raise InputError("--recipe", f"{self.recipe!r} is unknown", f"Give {' or '.join(RECIPES)}.")
        if self.preset not in PRESETS:
            raise InputError("--preset", f"{self.preset!r} is unknown", f"Give {' or '.join(PRESETS)}.")
        if self.preset == "full" and self.start == "random":
            raise InputError("--start", "the preset full begins with --weights", "Leave --start out.")
        if self.preset == "small" and (self.weights, self.face_model) != (None, None):
            cause = "the preset small brings its own weights"
            raise InputError("--weights, --face-model", cause, "Leave them out, or add --preset full.")
        check_device(self.device)
        for name in ("consent", "licence"):
            if getattr(self, name) is not None and not getattr(self, name).strip():
                raise InputError(
                    f"--{name}", "the statement is empty", "Write it out, or leave the option away."
                )


def make_avatar(settings: AdaptSettings, console: Console) -> dict[str, Any]:
    """Adapt to one clip and write the avatar; returns its facts for `--json`."""
    check_target(settings.out, force=settings.force)
    if settings.segmenter is not None:
        check_segmenter(settings.segmenter)
    refuse_picture(settings.video)
    device = chosen_device(settings.device)
    base = None
    if settings.preset == "full":
        base = given_base(settings.weights, settings.face_model, needed_by="--preset full")
    # A clip that is not there is refused below; nobody need answer for it.
    there = settings.video.is_file()
    consent = obtain_consent(settings.consent, settings.video, console) if there else {}
    console.how_to_go_on = "No avatar was written yet; the same command goes on where it stopped."
    parent = settings.out.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{temporary_prefix()}work-"
    with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as work, console.progress() as shown:
        progress = StageClock(shown)
        verdict = check_reference(
            settings.video,
            progress,
            settings.max_seconds,
            # Of imported weights a first look would take as long as reading the whole clip.
            lambda: first_look(settings, device, console, progress) if base is None else None,
        )
        for warning in verdict.warnings:
            console.warn(warning)
            if cure := verdict.cure(warning):
                console.note(f"  {cure}")
        verdict.refuse_no_go(settings.video)
        avatar = _adapt(settings, device, base, consent, verdict, Path(work), console, progress)
    remember_avatar(avatar.path)
    about = {"video": str(settings.video), "seconds": verdict.facts["seconds"], "grade": verdict.grade}
    return {**facts(avatar), **about, "seconds_by_stage": progress.seconds()}


def _adapt(
    settings: AdaptSettings,
    device: "torch.device",
    base: ImportedBase | None,
    consent: dict[str, str],
    verdict: Verdict,
    work: Path,
    console: Console,
    progress: StageClock,
) -> Avatar:
    from mimictalk.adapt_report import report_page
    from mimictalk.adapting import adapt_clip
    from mimictalk.provenance import input_marks

    verdict.track.save(work / "track.safetensors")
    source = {"name": settings.video.name, "sha256": sha256_file(settings.video)}
    marks = input_marks(settings.video, "reference")
    if marks is not None:
        source["marks"] = marks.note
        console.warn(f"{settings.video.name}: {marks.note}")
    adapted = adapt_clip(
        settings.video,
        work,
        **settings.of_run(),
        sound_offset=verdict.sound_offset,
        device=device,
        base=base,
        progress=progress,
        note=console.note,
    )
    for warning in adapted.warnings:
        console.warn(warning)
    release_heap()
    tuning = None
    if settings.tune_motion and adapted.prompt is not None:
        tuning, adapted.meta["speech"] = learn_speech(adapted.prompt, settings.seed, progress)
    manifest = Manifest(
        preset=settings.preset,
        seed=settings.seed,
        steps=int(adapted.meta.get("steps", settings.steps or 0)),
        tool=f"mimictalk {__version__}",
        created=now(),
        base_weights=installed() if base is None else base.stands_on(),
        source=source,
        licence=settings.licence,
        consent=consent,
        meta=adapted.meta,
    )
    card = model_card(settings.out.absolute().name, manifest, has_style=adapted.prompt is not None)
    spent = {"seconds by stage": progress.seconds(), "peak memory, GB": peak_memory()}
    warnings = [*verdict.warnings, *adapted.warnings]
    clip = {**verdict.facts, "video": settings.video.name}  # an avatar tells nobody's folders
    avatar = write_avatar(
        settings.out,
        manifest,
        adapted.tensors,
        adapted.adapter_dir,
        adapted.prompt,
        adapted.preview,
        card,
        report=report_page(
            card,
            adapted.result,
            adapted.sample,
            adapted.meta,
            clip,
            warnings,
            spent,
            verdict.judgements,
        ),
        reference_marks=None if marks is None else marks.archive,
        tuning=tuning,
        force=settings.force,
    )
    shutil.rmtree(adapted.state, ignore_errors=True)  # not before the avatar is in its place
    return avatar


def first_look(
    settings: AdaptSettings, device: "torch.device", console: Console, progress: StageClock
) -> None:
    """Draw the person from the first seconds, where the live preview will be."""
    from mimictalk.first_look import draw_first_look
    from mimictalk.planned_run import planned_run

    run = planned_run(sha256_file(settings.video), **settings.of_run())
    draw_first_look(
        settings.video, run.state, run.recipe, settings.seed, settings.segmenter, device, console, progress
    )


def check_segmenter(path: Path) -> None:
    """Refuse a segmentation task file that cannot be used before any work is done."""
    from face3dmm.detector import TaskSegmenter

    with TaskSegmenter(path):
        pass


def model_card(name: str, manifest: Manifest, *, has_style: bool) -> str:
    """README.md of an avatar: what it is, from what, and what it may be used for."""
    consent = manifest.consent["statement"] if manifest.consent else "none recorded"
    style = "learned from the clip" if has_style else "none: the clip had no speech"
    needs = " --weights DIR --face-model DIR" if manifest.preset == "full" else ""
    return f"""---
library_name: mimictalk
base_model: mimictalk-{manifest.preset}
license: {manifest.licence or "unknown"}
---
# {name}

A talking avatar of one person, made by {manifest.tool} on {manifest.created}.

| | |
|---|---|
| reference clip | {manifest.source["name"]}, sha256 {manifest.source["sha256"][:16]} |
| preset, steps, seed | {manifest.preset}, {manifest.steps}, {manifest.seed} |
| talking style | {style} |
| consent of the person shown | {consent} |
| licence | {manifest.licence or "none stated"} |

    mimictalk render {name} --audio speech.wav{needs}

Use it only as the person shown agreed. What it renders is synthetic and is marked as such.
"""
