"""One stage of training: settings and shards in, weights and log out."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from mimictalk.console import Console
    from portrait3d.training.settings import TrainingSettings


@dataclass(frozen=True)
class TrainJob:
    """What `mimictalk train STAGE` was asked for.

    Attributes:
        stage: "i2p", "motion" or "torso".
        config: A settings file, or the name of a recipe.
        shards: Folders of training shards.
        out: Folder of the run.
        start: Weights of an earlier stage; None for random ones.
        steps: In place of the settings' number.
        device: "cpu" or "cuda".
        perceptual: Weight files of VGG19, VGGFace.
        teacher: An EG3D generator in place of the shards' views (i2p only).
        tensorboard: Also write for TensorBoard.
        stop_after: Seconds.
    """

    stage: str
    config: str
    shards: list[Path]
    out: Path
    start: str | None = None
    steps: int | None = None
    device: str = "cpu"
    perceptual: list[Path] = field(default_factory=list)
    teacher: Path | None = None
    tensorboard: bool = False
    stop_after: float | None = None


def read_settings(job: TrainJob) -> "TrainingSettings":
    """The job's settings, checked to be of its stage.

    Raises:
        InputError: If they are of another stage, or would ignore what was asked for.
    """
    from dataclasses import replace

    from portrait3d.training.settings import TrainingSettings

    settings = TrainingSettings.read(job.config)
    if settings.stage != job.stage:
        cause = f"is for the stage {settings.stage!r}, not {job.stage!r}"
        raise InputError(job.config, cause, f"Run: mimictalk train {settings.stage} --config {job.config}")
    if settings.losses.perceptual and not job.perceptual:
        cause = f"losses.perceptual is {settings.losses.perceptual:g}, but no network was given"
        raise InputError(job.config, cause, "Give --perceptual VGG19.safetensors, or set its weight to 0.")
    if job.perceptual and not settings.losses.perceptual:
        raise InputError(
            "--perceptual", "losses.perceptual is 0: it would not count", "Set its weight, e.g. 0.1."
        )
    if job.steps is not None:
        settings = replace(settings, optimisation=replace(settings.optimisation, steps=job.steps))
    return settings


def run_training(job: TrainJob, console: "Console") -> dict[str, Any]:
    """Run a stage, or go on with it; writes weights, state and log to `job.out`; returns facts."""
    import torch

    from mimictalk.training_folders import shard_folders
    from mimictalk.training_people import ShardPeople
    from portrait3d.training.processes import Processes
    from portrait3d.training.run import train_stage
    from portrait3d.training.sharding import whole_state

    settings = read_settings(job)
    torch.set_flush_denormal(True)  # a third of the time of small networks goes into denormals otherwise
    processes = Processes.join(job.device)
    if processes.count > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes.count))
    model = make_model(settings, job, console, processes.first)
    model.to(processes.device)
    generated = job.teacher is not None and not job.shards
    folders = shard_folders(job.shards, settings.data_sets)
    keypoints = model.full_config.torso_keypoints if settings.preset == "full" else None
    people = None if generated else ShardPeople(folders, model.config.pncc_size, keypoints)
    console.how_to_go_on = "Run the same command to go on."
    with console.progress() as show:
        result = train_stage(
            model,
            make_stage(model, people, settings, job, processes.device),
            settings,
            job.out,
            data=str(job.teacher) if people is None else people.key(),
            processes=processes,
            tensorboard=job.tensorboard,
            stop_after=job.stop_after,
            progress=lambda done, total, terms: show(job.stage, done, total, dict(terms)),
            on_picture=lambda done, picture: keep_picture(job.out, done, picture),
        )
    facts = {
        "stage": job.stage,
        "out": str(job.out),
        "steps": result.steps,
        "of": settings.optimisation.steps,
        "resumed_at": result.resumed_at,
        "seconds": round(result.seconds, 1),
        "skipped": result.skipped,
        "people": 0 if people is None else len(people),
        "loss": {name: round(value, 5) for name, value in result.terms.items()},
    }
    if settings.optimisation.parallel == "fsdp":
        state, model = whole_state(model), make_model(settings, job, console, False)
        model.load_state_dict(state)
    if processes.first:
        card = {"settings": settings.to_dict(), "run": facts, "start": earlier(job.start)}
        save_model(model.cpu(), job.out, card)
    processes.wait()  # a later stage of another process begins with these weights
    return facts


def make_model(settings: "TrainingSettings", job: TrainJob, console: "Console", first: bool) -> Any:
    """The model of the settings' preset, random or as an earlier stage left it."""
    if settings.preset == "full":
        from portrait3d.training.full_torso_trainee import build_full_torso
        from portrait3d.training.full_trainee import build_full

        build = build_full_torso if settings.stage == "torso" else build_full
        return build(settings.model, settings.seed, Path(job.start) / "weights" if job.start else None)
    from portrait3d.training.start import build_model

    model, fresh = build_model(settings, job.start)
    if fresh and first:
        console.note(f"begins at random: {', '.join(fresh)}")
    return model


def save_model(model: Any, out: Path, card: dict[str, Any]) -> None:
    """`small` as OUT/small.safetensors and small.json; `full` as the folder OUT/weights."""
    if hasattr(model, "save"):
        model.save(out, card)
        return
    from portrait3d.full.storage import write_weights

    write_weights(out / "weights", model.full_config, model.model.state_dict(), {}, card)


def make_stage(model: Any, people: Any, settings: "TrainingSettings", job: TrainJob, device: Any) -> Any:
    """The stage that the settings name."""
    from portrait3d.training.full_torso_stage import FullTorsoStage
    from portrait3d.training.image_to_plane_stage import ImageToPlaneStage
    from portrait3d.training.motion_stage import MotionStage
    from portrait3d.training.torso_stage import TorsoStage

    perceptual = None
    if job.perceptual:
        from portrait3d.perceptual import FeatureLosses

        perceptual = FeatureLosses(job.perceptual).to(device)
    if settings.stage == "motion":
        return MotionStage(model, people, settings, perceptual)
    if settings.stage == "torso":
        torso = FullTorsoStage if settings.preset == "full" else TorsoStage
        return torso(model, people, settings, perceptual)
    return ImageToPlaneStage(model, make_teacher(model, people, job, device), settings, perceptual)


def make_teacher(model: Any, people: Any, job: TrainJob, device: Any) -> Any:
    """Who shows heads from several sides: a generator, or the shards."""
    if job.teacher is not None:
        from portrait3d.eg3d_generator import Eg3dGenerator
        from portrait3d.training.generator_teacher import GeneratorTeacher

        return GeneratorTeacher(Eg3dGenerator.from_file(job.teacher).to(device), model.config.picture_size)
    from portrait3d.training.teacher import PeopleTeacher

    try:
        return PeopleTeacher(people, at_rest=getattr(model.config, "adapter_from_rest", False))
    except ValueError as error:
        cure = "Make shards with views: tools/synthetic_heads/make.py --views 3, or give --teacher."
        raise InputError(", ".join(map(str, job.shards)), str(error), cure) from None


def keep_picture(out: Path, done: int, picture: "Tensor") -> None:
    """Write what the model draws as OUT/pictures/STEP.jpg."""
    from PIL import Image

    folder = out / "pictures"
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture.numpy()).save(folder / f"{done:07d}.jpg", quality=90)


def earlier(start: str | None) -> Any:
    """The description of the weights a run began with, for its model card."""
    import json

    from portrait3d.storage import weights_folder

    if start is None:
        return None
    full = Path(start) / "weights" / "full.json"
    return json.loads((full if full.is_file() else weights_folder(start) / "small.json").read_text())
