"""Stage 3 of `full`: torso, background and what joins them to the head."""

from collections.abc import Sequence

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip, pncc_to_float
from portrait3d.errors import InputError
from portrait3d.full.adaptation import draw_shown, predict_planes
from portrait3d.full.clip_size import at_size
from portrait3d.full.model import FullFrame, Person, Surroundings
from portrait3d.full.surroundings import surroundings_of
from portrait3d.full.torso_inpainting import Inpainting
from portrait3d.perceptual import Perceptual
from portrait3d.training.full_torso_terms import judged, torso_terms
from portrait3d.training.full_torso_trainee import FullTorsoTrainee
from portrait3d.training.people import TrainingPeople
from portrait3d.training.settings import TrainingSettings
from portrait3d.training.stage import (
    ItemResult,
    contact_row,
    device_of,
    drawn_person,
    mean_terms,
    shown_person,
)


class FullTorsoStage:
    """Whole pictures (Real3D-Portrait section 3.3); planes, motion and volume rendering stay as they are.

    Terms of what does not learn here (raw, alpha, entropy, density, laplacian) and `back`, whose picture
    `full` does not draw on its own, are none.

    Args:
        trainee: What learns.
        people: The data set, on the CPU, with the key-points of `full.torso_motion.torso_keypoints`.
        settings: Of the run.
        perceptual: Compares features, or None.

    Raises:
        InputError: If the settings ask for parts of pictures.
    """

    def __init__(
        self,
        trainee: FullTorsoTrainee,
        people: TrainingPeople,
        settings: TrainingSettings,
        perceptual: Perceptual | None = None,
    ) -> None:
        if settings.sampling.window:
            cause = f"`full` draws whole pictures, got {settings.sampling.window}"
            raise InputError("sampling.window", cause, "Set it to 0.")
        self.trainee, self.model, self.people = trainee, trainee.model, people
        self.settings, self.perceptual = settings, perceptual

    def load(self, number: int, frames: Sequence[int]) -> PortraitClip:
        """Frames of a person, the source first, at the side of the model's pictures, on the CPU.

        Raises:
            ValueError: If their key-points are not the model's.
        """
        clip = at_size(self.people.load(number, frames), self.model.config.picture_size)
        wanted, got = self.model.config.torso_keypoints, clip.keypoints.shape[1]
        if got != wanted:
            raise ValueError(f"the torso follows {wanted} key-points, got {got}")
        return clip

    def person(self, clip: PortraitClip) -> Person:
        """The person of a clip's first frame; torso and background learn."""
        device = device_of(self.model)
        inpainting: Inpainting = "vertical" if self.settings.sampling.inpaint_torso else "none"
        around = surroundings_of(clip, 0, self.model.config.picture_size, inpainting)
        return self.model.person(
            predict_planes(self.model, clip, 0).float(),
            pncc_to_float(clip.canonical_pncc)[None].to(device),
            clip.driving_pncc(0).to(device),
            Surroundings(**{name: value.to(device) for name, value in vars(around).items()}),
        )

    def draw(self, clip: PortraitClip) -> list[tuple[FullFrame, PortraitClip]]:
        """Every frame but the first, drawn from the first; beside each the true one, on the device."""
        person, device = self.person(clip), device_of(self.model)
        precision = self.settings.optimisation.precision
        shown = [clip.alone(index, device) for index in range(1, len(clip))]
        return [(draw_shown(self.model, person, one, precision), one) for one in shown]

    def item(self, step: int, number: int, generator: torch.Generator) -> ItemResult:
        """One source, several targets of the same person."""
        person, frames = drawn_person(self.people, self.settings, step, number, generator)
        drawn = self.draw(self.load(person, frames))
        terms = [torso_terms(frame, shown, self.perceptual) for frame, shown in drawn]
        return ItemResult(mean_terms(terms), *judged(*drawn[0]))

    @torch.no_grad()
    def picture(self) -> Tensor:
        """Source, truth and drawing of three people."""
        rows = []
        for number in range(3):
            clip = self.load(*shown_person(self.people, number))
            frame, shown = self.draw(clip)[0]
            source = clip.picture(0).to(frame.picture)
            rows.append(contact_row([source, shown.picture(0), frame.picture / 2 + 0.5]))
        return torch.cat(rows)
