"""Training of the audio-to-motion models: settings and shards of speech in, weights and log out."""

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError

if TYPE_CHECKING:
    from mimictalk.console import Console
    from talk_motion import MotionModel
    from talk_motion.space import MotionSpace
    from talk_motion.training.face_basis import FaceBasis
    from talk_motion.training.processes import Processes
    from talk_motion.training.settings import TrainingSettings
    from talk_motion.training.speech_shards import SpeechShards
    from talk_motion.training.stage import Stage

FOREHEAD, CHIN, UPPER_LIP, LOWER_LIP = 10, 152, 13, 14  # MediaPipe's landmarks
OF_THE_MOUTH = ("jaw", "mouth", "cheekPuff")
MOVED = 0.1  # of the largest motion: landmarks that the mouth moves by more are the mouth
USUAL = {"a2m": "small_a2m", "a2m-vae": "full_a2m_vae", "sync": "small_sync"}


@dataclass(frozen=True)
class TalkTrainJob:
    """What `mimictalk train a2m|a2m-vae|sync` was asked for.

    Attributes:
        stage: "a2m", "a2m-vae" or "sync".
        data: Folders of shards of speech.
        out: Folder of the run.
        config: A settings file, or the name of a recipe; None for the stage's usual one.
        held: Folders of shards to choose the weights on.
        start: "small" or a weights file to begin with (a2m of the preset small); None for random ones.
        expert: Weights of a sync expert; None for the embedded ones.
        steps: In place of the settings' number.
        device: "cpu" or "cuda".
        tensorboard: Also write for TensorBoard.
        stop_after: Seconds.
    """

    stage: str
    data: list[Path]
    out: Path
    config: str | None = None
    held: list[Path] = field(default_factory=list)
    start: str | None = None
    expert: Path | None = None
    steps: int | None = None
    device: str = "cpu"
    tensorboard: bool = False
    stop_after: float | None = None


def read_settings(job: TalkTrainJob) -> "TrainingSettings":
    """The job's settings, checked to be of its stage.

    Raises:
        InputError: If they are of another stage, or would ignore what was asked for.
    """
    from dataclasses import replace

    from talk_motion.training.settings import TrainingSettings

    config = job.config or USUAL[job.stage]
    settings = TrainingSettings.read(config)
    if settings.stage != job.stage:
        cause = f"is for the stage {settings.stage!r}, not {job.stage!r}"
        raise InputError(config, cause, f"Run: mimictalk train {settings.stage} --config {config}")
    if job.start is not None and (settings.stage, settings.preset) != ("a2m", "small"):
        raise InputError("--start", "only a2m of the preset small can begin with weights", "Leave it away.")
    if job.steps is not None:
        settings = replace(settings, optimisation=replace(settings.optimisation, steps=job.steps))
    return settings


def run_talk_training(job: TalkTrainJob, console: "Console") -> dict[str, Any]:
    """Run a stage, or go on with it; writes weights, state and log to `job.out`; returns facts."""
    import torch

    from mimictalk.training_folders import shard_folders
    from talk_motion.training.processes import Processes
    from talk_motion.training.run import train

    settings = read_settings(job)
    torch.set_flush_denormal(True)  # a third of the time of small networks goes into denormals otherwise
    processes = Processes.join(job.device)
    if processes.count > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes.count))
    try:
        folders = shard_folders(job.data, settings.data_sets)
        shards = open_shards(folders, settings, console, processes.first)
        held = open_shards(job.held, settings, console, processes.first) if job.held else None
        stage = make_stage(job, settings, shards, held, processes)
        console.how_to_go_on = "Run the same command to go on."
        with console.progress() as show:
            result = train(
                stage,
                settings,
                job.out,
                data=f"{shards.key()} {held.key() if held else None} {job.start} {job.expert}",
                card={"data": {"shards": len(shards), "minutes": round(shards.seconds / 60, 1)}},
                processes=processes,
                tensorboard=job.tensorboard,
                stop_after=job.stop_after,
                progress=lambda done, total, terms: show(job.stage, done, total, dict(terms)),
            )
    finally:
        processes.leave()
    return {
        "stage": job.stage,
        "out": str(job.out),
        "steps": result.steps,
        "of": settings.optimisation.steps,
        "resumed_at": result.resumed_at,
        "seconds": round(result.seconds, 1),
        "skipped": result.skipped,
        "shards": len(shards),
        "minutes": round(shards.seconds / 60, 1),
        "loss": {name: round(value, 5) for name, value in result.terms.items()},
        "kept": result.best,
    }


def open_shards(
    folders: list[Path], settings: "TrainingSettings", console: "Console", first: bool
) -> "SpeechShards":
    """The shards that are long enough; says how many are not."""
    from talk_motion.training.speech_shards import SpeechShards

    phones = settings.model.get("phones", 0) if settings.losses.phones else 0
    shards = SpeechShards(folders, settings.frames, content=settings.preset == "full", phones=phones)
    if shards.too_short and first:
        console.warn(f"{shards.too_short} shards are shorter than {settings.frames / 25:g} s and left out")
    return shards


def make_stage(
    job: TalkTrainJob,
    settings: "TrainingSettings",
    shards: "SpeechShards",
    held: "SpeechShards | None",
    processes: "Processes",
) -> "Stage":
    """The stage that the settings name.

    Raises:
        InputError: If sizes do not fit together.
    """
    try:
        return _stage(job, settings, shards, held, processes)
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):  # already in words
            raise
        raise InputError(job.config or USUAL[job.stage], str(error), "Change the settings.") from None


def _stage(
    job: TalkTrainJob,
    settings: "TrainingSettings",
    shards: "SpeechShards",
    held: "SpeechShards | None",
    processes: "Processes",
) -> "Stage":
    from talk_motion.sync import SyncExpert

    expert: SyncExpert | None = SyncExpert.from_pretrained(job.expert) if settings.losses.sync else None
    if settings.stage == "a2m-vae":
        from talk_motion.training.vae_stage import VaeStage

        return VaeStage(settings, shards, face_basis(), held, expert)
    if settings.preset == "full":
        from talk_motion.training.full_stage import FullInfillingStage

        return FullInfillingStage(settings, shards, face_basis().gap, held, expert)
    from talk_motion.training.infilling_stage import InfillingStage
    from talk_motion.training.shard_clips import ShardClips
    from talk_motion.training.sync_stage import SyncStage

    start = _started(job.start)
    space = start.space if start is not None else _space(job, settings, shards, processes)
    clips = ShardClips(shards, space)
    judged = ShardClips(held, space, hides_sound=False) if held is not None else None
    if settings.stage == "sync":
        return SyncStage(settings, space, clips.pairs, judged.pairs if judged is not None else None)
    return InfillingStage(
        settings, space, clips, judged, start.network if start is not None else None, expert
    )


@cache
def face_basis() -> "FaceBasis":
    """What training needs of the open face model."""
    import torch

    from face3dmm import ARKIT_NAMES, FaceModel
    from talk_motion.training.face_basis import FaceBasis

    model = FaceModel.open_face()
    basis, mean = model.expression_basis[model.landmarks_468], model.mean[model.landmarks_468]
    height = (mean[FOREHEAD] - mean[CHIN]).norm()
    mouth = torch.zeros(basis.shape[-1], dtype=torch.bool)
    for i, name in enumerate(ARKIT_NAMES):
        mouth[i] = name.startswith(OF_THE_MOUTH)
    moved = basis[..., mouth].norm(dim=(1, 2))
    region = basis[moved > MOVED * moved.max()] / height
    gap = (basis[UPPER_LIP, 1] - basis[LOWER_LIP, 1]) / height
    return FaceBasis(region.flatten(0, 1), gap, mouth, basis)


def _started(start: str | None) -> "MotionModel | None":
    from talk_motion import MotionModel

    return None if start is None else MotionModel.from_pretrained(start)


def _space(
    job: TalkTrainJob, settings: "TrainingSettings", shards: "SpeechShards", processes: "Processes"
) -> "MotionSpace":
    """The motion space that the shards span; kept, so that a run goes on in the same to the last bit."""
    from talk_motion.training.face_basis import kept_space
    from talk_motion.training.infilling_stage import CHANNELS

    channels = int(settings.model.get("motion", CHANNELS))
    file = job.out / f"space-{shards.key()[:8]}-{settings.seed}-{channels}.safetensors"
    if processes.first and not file.is_file():
        kept_space(file, face_basis().space(shards.expressions(150, settings.seed), channels))
    processes.wait()
    space = kept_space(file)
    assert space is not None
    return space
