"""A tiny training run on the coloured ball; as a program, one process of shared runs, one after another:

torchrun --nproc-per-node 2 ball_training.py '{"FOLDER": {"stage": "motion", "optimisation": {"batch": 4}}}'
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch

from ball_portrait import TINY, ball_clip
from portrait3d.model import Portrait3D
from portrait3d.training.image_to_plane_stage import ImageToPlaneStage
from portrait3d.training.motion_stage import MotionStage
from portrait3d.training.people import ClipPeople, PersonFacts, camera_yaw
from portrait3d.training.processes import Processes
from portrait3d.training.run import TrainingResult, train_stage
from portrait3d.training.settings import TrainingSettings
from portrait3d.training.stage import Stage
from portrait3d.training.teacher import PeopleTeacher
from portrait3d.training.torso_stage import TorsoStage

DISCRIMINATOR = {"channel_base": 256, "channel_max": 8, "mapping_layers": 1}


def ball_people() -> ClipPeople:
    """Two people, both the ball at rest, seen from four sides."""
    clips = [ball_clip(), ball_clip()]
    facts = [
        PersonFacts(torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.bool),
                    camera_yaw(clip.camera_to_world), consecutive=True)
        for clip in clips
    ]  # fmt: skip
    return ClipPeople(clips, facts)


def ball_settings(stage: str, **parts: dict) -> TrainingSettings:
    """Settings of a tiny run."""
    content = {
        "stage": stage,
        "sampling": {"targets": 1, "window": 20},
        "optimisation": {"steps": 4, "batch": 2, "learning_rate": 3e-3, "warm_up": 2, "ema": 0.5},
        "reporting": {"log_every": 1, "save_every": 2, "picture_every": 2},
    }
    for name, values in parts.items():
        content[name] = {**content.get(name, {}), **values}
    return TrainingSettings.from_dict(content)


def tiny_portrait(**changes: object) -> Portrait3D:
    """The tiny portrait, the same every time; some of its head is there from the start."""
    from dataclasses import replace

    torch.manual_seed(0)
    portrait = Portrait3D(replace(TINY, **changes))
    with torch.no_grad():
        portrait.decoder.fc2.weight[0] *= 0.1
        portrait.decoder.fc2.bias[0] = 0.2
    return portrait


def ball_stage(model: Portrait3D, settings: TrainingSettings) -> Stage:
    """The stage that the settings name."""
    people = ball_people()
    if settings.stage == "i2p":
        return ImageToPlaneStage(model, PeopleTeacher(people, at_rest=True), settings)
    return {"motion": MotionStage, "torso": TorsoStage}[settings.stage](model, people, settings)


def ball_loss(model: Portrait3D, settings: TrainingSettings) -> float:
    """Mean loss of four items, always the same."""
    stage, total = ball_stage(model, settings), 0.0
    with torch.no_grad():
        for number in range(4):
            terms = stage.item(0, number, torch.Generator().manual_seed(number)).terms
            total += sum(getattr(settings.losses, name) * float(value) for name, value in terms.items()) / 4
    return total


def train_ball(
    model: Portrait3D, settings: TrainingSettings, folder: Path, **options: object
) -> TrainingResult:
    """Run the stage that the settings name."""
    return train_stage(model, ball_stage(model, settings), settings, folder, data="balls", **options)


def killed_once(done: int, total: int, terms: dict[str, float]) -> None:
    """End this process without a word after its second step, but not again after a restart."""
    if done == 2 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)


def main(cases: dict[str, dict]) -> None:
    """Run settings by folder; "one_step" stops after one, "kill" kills rank 0 on the way."""
    torch.set_num_threads(1)
    processes = Processes.join()
    for folder, parts in cases.items():
        options = {}
        if parts.pop("one_step", False):
            options["stop_after"] = 0.0
        if parts.pop("kill", False):
            options["progress"] = killed_once
        settings = ball_settings(parts.pop("stage"), **parts)
        train_ball(tiny_portrait(), settings, Path(folder), processes=processes, **options)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
