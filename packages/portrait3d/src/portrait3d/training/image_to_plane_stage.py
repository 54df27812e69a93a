"""Stage 1: image-to-plane is distilled from a teacher that shows heads from several sides."""

import torch
from torch import Tensor

from portrait3d.perceptual import Perceptual
from portrait3d.training.head_terms import density_term, head_terms
from portrait3d.training.settings import TrainingSettings
from portrait3d.training.stage import (
    ItemResult,
    contact_row,
    device_of,
    drawn_window,
    head_over_black,
    judged_head,
    mean_terms,
    source_planes,
)
from portrait3d.training.teacher import Teacher
from portrait3d.training.trainee import Trainee


class ImageToPlaneStage:
    """Planes of one view, drawn in other views.

    Args:
        model: What learns.
        teacher: Where the views come from.
        settings: Of the run.
        perceptual: Compares features, or None.
    """

    def __init__(
        self,
        model: Trainee,
        teacher: Teacher,
        settings: TrainingSettings,
        perceptual: Perceptual | None = None,
    ) -> None:
        self.model, self.teacher, self.settings, self.perceptual = model, teacher, settings, perceptual

    def item(self, step: int, number: int, generator: torch.Generator) -> ItemResult:
        """One source, several views of it."""
        settings = self.settings
        clip = self.teacher.views(settings.sampling.targets, generator).to(device_of(self.model))
        planes = source_planes(self.model, clip, settings, generator)
        terms, pairs = [], []
        for index in range(1, len(clip)):
            window = drawn_window(self.model, clip, index, settings, generator)
            camera, intrinsics = clip.camera_to_world[index][None], clip.intrinsics[index][None]
            head = self.model.render_head(planes, camera, intrinsics, window)
            terms.append(head_terms(head, clip, index, self.perceptual))
            if window is None:
                pairs.append(judged_head(head, clip, index))
        mean = mean_terms(terms)
        every = settings.losses.density_every
        if settings.losses.density and step % every == 0:
            mean["density"] = every * density_term(self.model, planes, generator)
        return ItemResult(mean, *(pairs[0] if pairs else (None, None)))

    @torch.no_grad()
    def picture(self) -> Tensor:
        """Source, truth and drawing of three people."""
        rows = []
        for number in range(3):
            generator = torch.Generator().manual_seed(number)
            clip = self.teacher.views(1, generator).to(device_of(self.model))
            planes = source_planes(self.model, clip, self.settings, None)
            head = self.model.render_head(planes, clip.camera_to_world[1:], clip.intrinsics[1:])
            side = clip.frames.shape[1]
            truth = clip.picture(1) * clip.mask("head_mask", 1)
            rows.append(contact_row([clip.picture(0), truth, head_over_black(head, side)]))
        return torch.cat(rows)
