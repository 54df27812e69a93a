"""What the portrait model offers to `mimictalk_adapt`: its static parameters, LoRA targets and loss.

Source: MimicTalk (Ye et al. 2024), section 3.2, static-dynamic-hybrid adaptation: the person's tri-plane is
learned directly, the generic network through LoRA. Here torso and background layers are static too.
"""

import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.clip import PortraitClip, frame_odds, pncc_to_float
from portrait3d.frame_loss import Layers, LossWeights, frame_loss, training_window
from portrait3d.identity import Identity
from portrait3d.losses import total_variation
from portrait3d.model import Portrait3D
from portrait3d.torso_layer import torso_layer

LORA_PATTERN = r"(motion_adapter|super_resolution|torso_warp)\.(?!.*dwconv).*|decoder\.fc[12]"


class PortraitAdaptation:
    """One person's clip and the portrait model that learns it; satisfies `AdaptableBackbone`.

    Args:
        model: The generic model; `mimictalk_adapt` freezes it and adds LoRA.
        clip: The person.
        source: Index of the source frame (see `best_source_frame`).
        plane_resolution: Side of the learned planes; the predicted ones are enlarged to it.
        window: Side of the training window in rays.
        weights: Of the loss terms.
        plane_variation: Weight of the planes' total variation.
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
    ) -> None:
        self.model, self.clip, self.source = model, clip, source
        self.window, self.weights, self.plane_variation = window, weights or LossWeights(), plane_variation
        self.odds = frame_odds(clip)
        self.canonical = pncc_to_float(clip.canonical_pncc)[None]
        self.source_pncc = clip.driving_pncc(source)
        planes = predict_planes(model, clip, source)
        size = (plane_resolution, plane_resolution)
        planes = F.interpolate(planes[0], size, mode="bilinear", align_corners=False)
        background = clip.background.permute(2, 0, 1).float() / 127.5 - 1
        self.planes = nn.Parameter(planes.detach().clone())
        self.torso = nn.Parameter(
            torso_layer(clip.frames[source], clip.torso_mask[source], clip.head_mask[source])
        )
        self.background = nn.Parameter(background.clone())

    @property
    def network(self) -> Portrait3D:
        """The module that gets LoRA."""
        return self.model

    def lora_targets(self) -> list[str]:
        """Names of the linear and convolution layers of motion adapter, decoder, super-resolution and torso
        warp, without depth-wise convolutions (a rank per group would be the whole layer)."""
        return [
            name
            for name, module in self.model.named_modules()
            if isinstance(module, nn.Linear | nn.Conv2d) and re.fullmatch(LORA_PATTERN, name)
        ]

    def static_parameters(self) -> dict[str, tuple[nn.Parameter, float]]:
        """Name -> parameter and its learning rate relative to the run's."""
        return {
            "planes": (self.planes, 1.0),
            "torso": (self.torso, 0.3),
            "background": (self.background, 0.1),
        }

    def layers(self) -> Layers:
        """The person as a step takes it."""
        return Layers(
            planes=self.planes[None],
            torso=self.torso[None],
            background=self.background[None],
            canonical=self.canonical,
            source=self.source_pncc,
            keypoints=self.clip.keypoints[self.source][None],
        )

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of one random window of one random frame, and its terms.

        Args:
            generator: The only source of randomness.
        """
        index = int(torch.multinomial(self.odds, 1, generator=generator))
        window = training_window(self.model, self.clip, index, self.window, generator)
        layers = self.layers()
        diff = self.model.motion_adapter(layers.canonical, layers.source, self.clip.driving_pncc(index))
        loss, terms = frame_loss(self.model, self.clip, layers, diff, index, window, self.weights)
        terms["plane_variation"] = total_variation(self.planes)
        return loss + self.plane_variation * terms["plane_variation"], terms

    def identity(self) -> Identity:
        """The static part as it stands."""
        return Identity(
            planes=self.planes.detach().clone(),
            torso=self.torso.detach().clone(),
            background=self.background.detach().clamp(-1, 1).clone(),
            canonical_pncc=self.canonical[0],
            source_pncc=self.source_pncc[0],
            source_keypoints=self.clip.keypoints[self.source],
        )


def predict_planes(model: Portrait3D, clip: PortraitClip, index: int) -> Tensor:
    """Image-to-plane of one frame's head, (1, 3, C, R, R); all that is not head is black (-1)."""
    mask = clip.mask("head_mask", index)
    head = clip.picture(index) * 2 - 1
    camera, intrinsics = clip.camera_to_world[index][None], clip.intrinsics[index][None]
    return model.predict_planes(head * mask - (1 - mask), camera, intrinsics)
