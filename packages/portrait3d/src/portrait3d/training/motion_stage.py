"""Stage 2: the motion adapter learns, from videos, to drive the canonical planes."""

import torch
from torch import Tensor

from portrait3d.clip import pncc_to_float
from portrait3d.losses import second_difference
from portrait3d.perceptual import Perceptual
from portrait3d.training.head_terms import density_term, head_terms
from portrait3d.training.people import TrainingPeople
from portrait3d.training.settings import TrainingSettings
from portrait3d.training.stage import (
    ItemResult,
    contact_row,
    device_of,
    drawn_person,
    drawn_window,
    head_over_black,
    judged_head,
    mean_terms,
    shown_person,
    source_planes,
)
from portrait3d.training.trainee import Trainee


class MotionStage:
    """One frame of a person drives towards others (Real3D-Portrait section 3.2).

    Image-to-plane learns along until `freeze_image_to_plane_from`.

    Args:
        model: What learns.
        people: The data set.
        settings: Of the run.
        perceptual: Compares features, or None.
    """

    def __init__(
        self,
        model: Trainee,
        people: TrainingPeople,
        settings: TrainingSettings,
        perceptual: Perceptual | None = None,
    ) -> None:
        self.model, self.people, self.settings, self.perceptual = model, people, settings, perceptual

    def item(self, step: int, number: int, generator: torch.Generator) -> ItemResult:
        """One source, several targets of the same person."""
        settings = self.settings
        person, frames = drawn_person(self.people, settings, step, number, generator)
        clip = self.people.load(person, frames).to(device_of(self.model))
        frozen = 0 <= settings.optimisation.freeze_image_to_plane_from <= step
        with torch.set_grad_enabled(not frozen):
            planes = source_planes(self.model, clip, settings, generator)
        wanted = [clip.driving_pncc(index) for index in range(1, len(clip))]
        losses = settings.losses
        smooth = losses.laplacian and step % losses.laplacian_every == 0
        if smooth:
            triplet = self.people.motion_triplet(person, frames[1], generator)
            wanted.append(triplet.to(wanted[0]))
        canonical = pncc_to_float(clip.canonical_pncc)[None]
        diffs = self.model.motion_adapter(canonical, clip.driving_pncc(0), torch.cat(wanted))
        terms, pairs = [], []
        for index in range(1, len(clip)):
            window = drawn_window(self.model, clip, index, settings, generator)
            driven = self.model.add_diff(planes, diffs[index - 1 : index])
            camera, intrinsics = clip.camera_to_world[index][None], clip.intrinsics[index][None]
            head = self.model.render_head(driven, camera, intrinsics, window)
            terms.append(head_terms(head, clip, index, self.perceptual))
            if window is None:
                pairs.append(judged_head(head, clip, index))
        mean = mean_terms(terms)
        if smooth:
            mean["laplacian"] = losses.laplacian_every * second_difference(diffs[len(clip) - 1 :])
        if losses.density and step % losses.density_every == 0:
            mean["density"] = losses.density_every * density_term(self.model, driven, generator)
        return ItemResult(mean, *(pairs[0] if pairs else (None, None)))

    @torch.no_grad()
    def picture(self) -> Tensor:
        """Source, truth and drawing of three people."""
        rows = []
        for number in range(3):
            person, frames = shown_person(self.people, number)
            clip = self.people.load(person, frames).to(device_of(self.model))
            planes = source_planes(self.model, clip, self.settings, None)
            canonical = pncc_to_float(clip.canonical_pncc)[None]
            diff = self.model.motion_adapter(canonical, clip.driving_pncc(0), clip.driving_pncc(1))
            driven = self.model.add_diff(planes, diff)
            head = self.model.render_head(driven, clip.camera_to_world[1:], clip.intrinsics[1:])
            truth = clip.picture(1) * clip.mask("head_mask", 1)
            drawn = head_over_black(head, clip.frames.shape[1])
            rows.append(contact_row([clip.picture(0), truth, drawn]))
        return torch.cat(rows)
