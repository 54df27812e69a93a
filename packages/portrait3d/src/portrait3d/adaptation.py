"""What the portrait model offers to `mimictalk_adapt`: its static parameters, LoRA targets and loss.

Source: MimicTalk (Ye et al. 2024), section 3.2, static-dynamic-hybrid adaptation: the person's tri-plane is
learned directly, the generic network through LoRA. Here torso and background layers are static too.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.adaptation_terms import (
    EVERY,
    AdaptationTerms,
    HardFrames,
    blink_bend,
    happens,
    occlusion_entropy,
)
from portrait3d.clip import PortraitClip, learned_odds, pncc_to_float
from portrait3d.frame_loss import Layers, LossWeights, draw_frame, frame_terms, training_window
from portrait3d.held_out import judge_frames, whole_picture
from portrait3d.identity import GUIDE, Identity
from portrait3d.lora_layers import lora_layers
from portrait3d.losses import second_difference, total_variation
from portrait3d.model import Portrait3D
from portrait3d.posed_guide import PosedGuide
from portrait3d.precision import network_dtype, networks_in
from portrait3d.torso_layer import torso_layer

GUIDE_RATE, TEXTURE_RATE = 0.2, 1.0  # of the planes' learning rate; that of LoRA is the first, too
TEXTURES = ("face", "inner", "head")  # of the guide
LORA_PATTERN = r"(motion_adapter|super_resolution|torso_warp)\.(?!.*dwconv).*|decoder\.fc[12]"


class PortraitAdaptation:
    """One person's clip and the portrait model that learns it; satisfies `AdaptableBackbone`.

    Args:
        model: The generic model; `mimictalk_adapt` freezes it and adds LoRA. All is learned on its device.
        clip: The person, on the CPU, however long; a step takes the frames that it needs to the device.
        source: Index of the source frame (see `best_source_frame`).
        plane_resolution: Side of the learned planes; the predicted ones are enlarged to it.
        window: Side of the training window in rays.
        weights: Of the loss terms.
        plane_variation: Weight of the planes' total variation.
        terms: Weights of the terms that are not about one picture.
        held_out: Frames that are not learned from and that `judge` looks at (see `held_out_frames`).
        shut: Frames of the clip with their eyes shut (`face3dmm.shut_eyes`), the source frame's first: planes
            begin with that one, and all are learned from like the clip's own. None for none.
        blinks: (3, 3, P, P) uint8 PNCC of the person at rest, with open, half-closed and closed eyes; without
            it there is no blink term.
        learn_planes: False leaves the planes as they are predicted, for ablations.
        guided: False learns no `PosedGuide`; nor is there one where the clip has no posed PNCC.
        precision: Of super-resolution and torso warp, see `network_dtype`; all else is float32.

    Raises:
        ValueError: If nothing is left to learn from, or `precision` is unknown.
    """

    def __init__(
        self,
        model: Portrait3D,
        clip: PortraitClip,
        source: int,
        *,
        plane_resolution: int = 192,
        window: int = 56,
        weights: LossWeights | None = None,
        plane_variation: float = 0.02,
        terms: AdaptationTerms | None = None,
        held_out: Sequence[int] = (),
        shut: PortraitClip | None = None,
        blinks: Tensor | None = None,
        learn_planes: bool = True,
        guided: bool = True,
        precision: str = "auto",
    ) -> None:
        self.device = next(model.parameters()).device
        self.dtype = network_dtype(precision, self.device)
        self.model, self.clip, self.shut, self.source = model, clip, shut, source
        self.window, self.weights, self.plane_variation = window, weights or LossWeights(), plane_variation
        self.terms, self.held_out = terms or AdaptationTerms(), list(held_out)
        self.odds = self.frame_odds()
        self.hard = HardFrames(len(self.odds))
        self.blinks = None if blinks is None else pncc_to_float(blinks).to(self.device)
        self.canonical = pncc_to_float(clip.canonical_pncc)[None].to(self.device)
        self.source_pncc = clip.driving_pncc(source).to(self.device)
        self.source_keypoints = clip.keypoints[source].to(self.device)
        planes = predict_planes(model, clip, source) if shut is None else predict_planes(model, shut, 0)
        size = (plane_resolution, plane_resolution)
        planes = F.interpolate(planes[0], size, mode="bilinear", align_corners=False)
        background = clip.background.permute(2, 0, 1).float() / 127.5 - 1
        planes = planes.detach().contiguous(memory_format=torch.channels_last)  # as the renderer reads them
        self.planes = nn.Parameter(planes.clone(), requires_grad=learn_planes)
        self.first_planes = planes
        torso = torso_layer(clip.frames[source], clip.torso_mask[source], clip.head_mask[source])
        self.torso = nn.Parameter(torso.to(self.device))
        self.background = nn.Parameter(background.clone().to(self.device))
        half = model.config.super_resolution_width // 2
        self.guide = PosedGuide(half).to(self.device) if guided and clip.posed is not None else None

    @property
    def network(self) -> Portrait3D:
        """The module that gets LoRA."""
        return self.model

    def lora_targets(self) -> list[str]:
        """Names of the linear and convolution layers of motion adapter, decoder, super-resolution and torso
        warp, without depth-wise convolutions (a rank per group would be the whole layer)."""
        return lora_layers(self.model, LORA_PATTERN)

    def static_parameters(self) -> dict[str, tuple[nn.Parameter, float]]:
        """Name -> parameter and its learning rate relative to the run's."""
        planes = {"planes": (self.planes, 1.0)} if self.planes.requires_grad else {}
        learned = {**planes, "torso": (self.torso, 0.3), "background": (self.background, 0.1)}
        if self.guide is not None:
            for name, value in self.guide.named_parameters():
                learned[GUIDE + name] = value, TEXTURE_RATE if name in TEXTURES else GUIDE_RATE
        return learned

    def networks(self) -> AbstractContextManager[object]:
        """Within it the thread that enters it computes networks as finely as was asked for."""
        return networks_in(self.dtype, self.device)

    def layers(self) -> Layers:
        """The person as a step takes it."""
        return Layers(
            planes=self.planes[None],
            torso=self.torso[None],
            background=self.background[None],
            canonical=self.canonical,
            source=self.source_pncc,
            keypoints=self.source_keypoints[None],
            guide=self.guide,
        )

    def frame_odds(self) -> Tensor:
        """How often each frame is learned from, the clip's before those with eyes shut, summing to 1.

        Raises:
            ValueError: If nothing is left to learn from.
        """
        return learned_odds(self.clip, self.held_out, self.shut)

    def taken(self, index: int) -> tuple[PortraitClip, int]:
        """Where a frame of `odds` is: the clip or the frames with eyes shut, and its place there."""
        if index < len(self.clip) or self.shut is None:
            return self.clip, index
        return self.shut, index - len(self.clip)

    def memory(self) -> dict[str, Tensor]:
        """What batches depend on beside (seed, step): nothing, unless hard frames are sought."""
        return self.hard.memory() if self.terms.hard_frames else {}

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of one random window of one random frame, and its terms.

        Args:
            generator: The only source of randomness.
        """
        wanted = self.terms
        odds = self.hard.odds(self.odds, wanted.hard_frames) if wanted.hard_frames else self.odds
        index = int(torch.multinomial(odds, 1, generator=generator))
        clip, place = self.taken(index)
        window = training_window(self.model, clip, place, self.window, generator)
        layers, shown = self.layers(), clip.alone(place, self.device)
        with self.networks():
            diff, terms = self.driven(index, layers, generator)
            drawn = draw_frame(self.model, shown, layers, diff, 0, window)
        picture = frame_terms(drawn, shown, 0)
        loss = torch.stack([getattr(self.weights, name) * value for name, value in picture.items()]).sum()
        if wanted.hard_frames:
            self.hard.note(index, float((picture["colour"] + picture["pyramid"]).detach()))
        terms["plane_variation"] = total_variation(self.planes)
        if wanted.plane_distance:
            terms["plane_distance"] = (self.planes - self.first_planes).abs().mean()
        if wanted.occlusion:
            terms["occlusion"] = occlusion_entropy(drawn, shown, 0)
        for name, value in terms.items():
            weight = self.plane_variation if name == "plane_variation" else getattr(wanted, name)
            loss = loss + weight * value
        return loss, picture | terms

    def driven(
        self, index: int, layers: Layers, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The diff-plane of a frame, and the terms that need those of other expressions in the same pass."""
        (clip, place), wanted = self.taken(index), self.terms
        drives = [clip.driving_pncc(place)]
        terms: dict[str, Tensor] = {}
        temporal = False
        blinks = self.blinks if wanted.blink and self.blinks is not None and happens(generator) else None
        if wanted.temporal and happens(generator):
            temporal = clip.follow_on(place)
        if temporal:
            drives += [clip.driving_pncc(place - 1), clip.driving_pncc(place + 1)]
        drives = [drive.to(self.device) for drive in drives]
        if blinks is not None:
            drives.append(blinks)
        diffs = self.model.motion_adapter(layers.canonical, layers.source, torch.cat(drives))
        diffs = diffs.to(self.planes.dtype)
        if temporal:
            terms["temporal"] = EVERY * second_difference(diffs[[1, 0, 2]])
        if blinks is not None:
            terms["blink"] = EVERY * blink_bend(diffs[-3:])
        return diffs[:1], terms

    @torch.no_grad()
    def draw(self, index: int, layers: Layers | None = None) -> Tensor:
        """A frame as it is drawn now, (1, 3, S, S) in [0, 1]."""
        layers, shown = layers or self.layers(), self.clip.alone(index, self.device)
        with self.networks():
            diff = self.model.motion_adapter(layers.canonical, layers.source, shown.driving_pncc(0))
            return whole_picture(draw_frame(self.model, shown, layers, diff, 0, None))

    @torch.no_grad()
    def judge(self) -> dict[str, float]:
        """Numbers over the held-out frames (see `judge_frames`); none where no frame is held out."""
        if not self.held_out:
            return {}
        return judge_frames(self.model, self.clip, self.layers(), self.held_out, self.networks)

    def identity(self) -> Identity:
        """The static part as it stands."""
        return Identity(
            planes=self.planes.detach().clone(),
            torso=self.torso.detach().clone(),
            background=self.background.detach().clamp(-1, 1).clone(),
            canonical_pncc=self.canonical[0],
            source_pncc=self.source_pncc[0],
            source_keypoints=self.source_keypoints,
            guide=None if self.guide is None else {n: v.clone() for n, v in self.guide.state_dict().items()},
        )


def predict_planes(model: Portrait3D, clip: PortraitClip, index: int) -> Tensor:
    """Image-to-plane of one frame's head, (1, 3, C, R, R), where the model is; all that is not head is black
    (-1)."""
    shown = clip.alone(index, next(model.parameters()).device)
    mask = shown.mask("head_mask", 0)
    head = shown.picture(0) * 2 - 1
    return model.predict_planes(head * mask - (1 - mask), shown.camera_to_world, shown.intrinsics)
