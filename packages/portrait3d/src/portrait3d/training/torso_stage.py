"""Stage 3: torso, background and what joins them to the head."""

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip, pncc_to_float
from portrait3d.frame_loss import DrawnFrame, Layers, draw_frame, frame_terms
from portrait3d.losses import entropy_loss
from portrait3d.model import Portrait3D
from portrait3d.perceptual import Perceptual
from portrait3d.torso_layer import torso_layer
from portrait3d.training.head_terms import lip_square, lip_terms
from portrait3d.training.people import TrainingPeople
from portrait3d.training.settings import TrainingSettings
from portrait3d.training.stage import (
    ItemResult,
    contact_row,
    device_of,
    drawn_person,
    drawn_window,
    judged_pair,
    mean_terms,
    shown_person,
    source_planes,
)


class TorsoStage:
    """Whole pictures (Real3D-Portrait section 3.3); planes and motion stay as they are.

    Args:
        model: What learns.
        people: The data set.
        settings: Of the run.
        perceptual: Compares features, or None.
    """

    def __init__(
        self,
        model: Portrait3D,
        people: TrainingPeople,
        settings: TrainingSettings,
        perceptual: Perceptual | None = None,
    ) -> None:
        self.model, self.people, self.settings, self.perceptual = model, people, settings, perceptual

    def layers(self, clip: PortraitClip) -> tuple[Layers, Tensor]:
        """The person of a clip's first frame, and the diff-planes (T - 1, 3, C, h, w) of its others."""
        with torch.no_grad():
            planes = source_planes(self.model, clip, self.settings, None)
            canonical = pncc_to_float(clip.canonical_pncc)[None]
            targets = torch.cat([clip.driving_pncc(index) for index in range(1, len(clip))])
            diffs = self.model.motion_adapter(canonical, clip.driving_pncc(0), targets)
        inpaint = self.settings.sampling.inpaint_torso
        torso = torso_layer(clip.frames[0], clip.torso_mask[0], clip.head_mask[0], inpaint)
        layers = Layers(
            planes=planes,
            torso=torso[None],
            background=(clip.background.permute(2, 0, 1).float() / 127.5 - 1)[None],
            canonical=canonical,
            source=clip.driving_pncc(0),
            keypoints=self.keypoints(clip, 0),
        )
        return layers, diffs

    def keypoints(self, clip: PortraitClip, index: int) -> Tensor:
        """(1, K, 2) of a frame: the face model's, or those a detector finds in its head."""
        if self.model.config.torso_keypoint_source == "face_model":
            return clip.keypoints[index][None]
        mask = clip.mask("head_mask", index)
        found: Tensor = self.model.keypoint_detector((clip.picture(index) * 2 - 1) * mask - (1 - mask))
        return found

    def draw(self, clip: PortraitClip, window_of: torch.Generator | None) -> list[DrawnFrame]:
        """Every frame but the first, from the first; of the head a random window, without a generator all."""
        layers, diffs = self.layers(clip)
        drawn = []
        for index in range(1, len(clip)):
            window = None
            if window_of is not None:
                window = drawn_window(self.model, clip, index, self.settings, window_of)
            diff, keypoints = diffs[index - 1 : index], self.keypoints(clip, index)
            drawn.append(draw_frame(self.model, clip, layers, diff, index, window, keypoints))
        return drawn

    def item(self, step: int, number: int, generator: torch.Generator) -> ItemResult:
        """One source, several targets of the same person."""
        sampling = self.settings.sampling
        person, frames = drawn_person(self.people, self.settings, step, number, generator)
        clip = self.people.load(person, frames).to(device_of(self.model))
        terms, pairs = [], []
        for index, frame in enumerate(self.draw(clip, generator), 1):
            one = frame_terms(frame, clip, index)
            window, truth = frame.head.window, clip.picture(index)
            square = window.take_pixels(lip_square(clip.focus[index], truth.shape[-1]))
            one |= lip_terms(frame.picture, window.take_pixels(truth), square)
            one["occlusion"] = entropy_loss(frame.torso_alpha)
            if self.perceptual is not None:
                one["perceptual"] = self.perceptual(frame.picture, window.take_pixels(truth))
            terms.append(one)
            if not sampling.window:
                pairs.append(judged_pair(frame.head, frame.picture, truth, clip, index, frame.back))
        return ItemResult(mean_terms(terms), *(pairs[0] if pairs else (None, None)))

    @torch.no_grad()
    def picture(self) -> Tensor:
        """Source, truth and drawing of three people."""
        rows = []
        for number in range(3):
            person, frames = shown_person(self.people, number)
            clip = self.people.load(person, frames).to(device_of(self.model))
            frame = self.draw(clip, None)[0]
            whole = frame.back.clone()
            rows_, columns = frame.head.window.pixels()
            whole[..., rows_, columns] = frame.picture
            rows.append(contact_row([clip.picture(0), clip.picture(1), whole]))
        return torch.cat(rows)
