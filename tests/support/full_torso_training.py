"""A tiny training run of the published head-torso-background model; as a program as `ball_training` is."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ball_training import DISCRIMINATOR, ball_settings
from full_person import person_clip
from portrait3d.full.config import FullConfig
from portrait3d.training.full_torso_stage import FullTorsoStage
from portrait3d.training.full_torso_trainee import FullTorsoTrainee
from portrait3d.training.people import ClipPeople
from portrait3d.training.processes import Processes
from portrait3d.training.run import TrainingResult, train_stage
from portrait3d.training.settings import TrainingSettings
from tiny_full import TINY, random_portrait

QUICK = replace(TINY, resnet_depths=(1, 1, 1, 1), vit_depth=1, adapter_depths=(1, 1, 1, 1))


def torso_people(config: FullConfig = QUICK) -> ClipPeople:
    """Two people, the ball with neck and shirt."""
    return ClipPeople([person_clip(config), person_clip(config)])


def torso_settings(**parts: dict[str, Any]) -> TrainingSettings:
    """Settings of a tiny run, its terms those of the recipe."""
    parts = {"sampling": {}, "losses": {}, **parts}
    parts["sampling"] = {"window": 0, "source_to_source_every": 4, **parts["sampling"]}
    published = TrainingSettings.read("full_torso").to_dict()["losses"]
    parts["losses"] = {**published, "adversarial": 0.0, "perceptual": 0.0, **parts["losses"]}
    return ball_settings("torso", **parts)


ADVERSARIAL: dict[str, dict[str, Any]] = {
    "losses": {"adversarial": 0.1, "adversarial_from": 1, "r1_every": 2},
    "discriminator": DISCRIMINATOR,
}


def torso_trainee(**changes: Any) -> FullTorsoTrainee:
    """The tiny model, the same every time."""
    return FullTorsoTrainee(random_portrait(replace(QUICK, **changes)))


def train_torso(
    trainee: FullTorsoTrainee,
    settings: TrainingSettings,
    folder: Path,
    perceptual: Any = None,
    **options: Any,
) -> TrainingResult:
    """Run the stage."""
    stage = FullTorsoStage(trainee, torso_people(trainee.full_config), settings, perceptual)
    return train_stage(trainee, stage, settings, folder, data="torsos", **options)


def main(cases: dict[str, dict[str, Any]]) -> None:
    """Run settings by folder."""
    torch.set_num_threads(1)
    processes = Processes.join()
    for folder, parts in cases.items():
        train_torso(torso_trainee(), torso_settings(**parts), Path(folder), processes=processes)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
