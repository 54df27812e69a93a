"""The published recipe of adapting to a person, for comparison: its losses, its sampling, what it learns.

Source: MimicTalk (Ye et al. 2024), section 3.2 and its training script. Kept: losses and weights, uniformly
drawn frames, whole frames at batch 1, LoRA in the to-plane layers and the super-resolution alone, planes as
the only static tensors. Not kept, since this model has no such parts: the second occlusion map, and LPIPS,
whose weights may not ship: `pyramid_loss` stands in its places at its weights. Its settings (rank 2, constant
rates, frame 0 as source) belong to whoever runs it.
"""

import torch
from torch import Tensor, nn

from portrait3d.adaptation import PortraitAdaptation
from portrait3d.adaptation_terms import AdaptationTerms, occlusion_entropy, published_plane_distance
from portrait3d.clip import PortraitClip
from portrait3d.frame_loss import DrawnFrame, draw_frame
from portrait3d.held_out import MOUTH_HALF, whole_picture
from portrait3d.lora_layers import lora_layers
from portrait3d.losses import entropy_loss, pyramid_loss, square_round, weighted_l1

LORA_PATTERN = r"(motion_adapter\.(prenet|to_plane|out)|super_resolution)\b.*"
WEIGHTS = {
    "full": 1.0, "full_perceptual": 0.5, "raw": 0.2, "raw_perceptual": 0.1, "lip": 1.0, "lip_perceptual": 1.0,
    "alpha": 0.01, "entropy": 0.001, "torso": 0.001, "occlusion": 0.001, "blink": 0.003,
}  # fmt: skip
TERMS = AdaptationTerms(blink=WEIGHTS["blink"])  # asks `driven` for it; weighed here


class PublishedAdaptation(PortraitAdaptation):
    """`PortraitAdaptation` as published; arguments as there."""

    def lora_targets(self) -> list[str]:
        """Prenet, to-plane convolutions and super-resolution."""
        return lora_layers(self.model, LORA_PATTERN)

    def static_parameters(self) -> dict[str, tuple[nn.Parameter, float]]:
        """The planes alone: torso and background stay as they were cut out."""
        return {"planes": (self.planes, 1.0)}

    def frame_odds(self) -> Tensor:
        """All frames alike."""
        odds = (self.clip.confidence > 0).float()
        odds[self.held_out] = 0
        return odds / odds.sum()

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of one random whole frame and its terms."""
        index = int(torch.multinomial(self.odds, 1, generator=generator))
        layers, shown = self.layers(), self.clip.alone(index, self.device)
        with self.networks():
            diff, terms = self.driven(index, layers, generator)
            drawn = draw_frame(self.model, shown, layers, diff, 0, None)
        terms |= self.published_terms(drawn, shown)
        loss = torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()
        weight = published_plane_distance(int((self.odds > 0).sum()))
        if weight:
            terms["plane_distance"] = (self.planes - self.first_planes).abs().mean()
            loss = loss + weight * terms["plane_distance"]
        return loss, terms

    def published_terms(self, drawn: DrawnFrame, shown: PortraitClip) -> dict[str, Tensor]:
        """The terms of `WEIGHTS` about one picture, against the clip of that frame alone; differences are L1
        though the code calls them mse."""
        head = drawn.head
        truth, mask = shown.picture(0), shown.mask("head_mask", 0)
        picture = whole_picture(drawn)
        focus = shown.focus[0]
        lip = square_round(focus[0], MOUTH_HALF * (focus[1] - focus[2]).norm(), truth.shape[-1])
        window_mask = head.window.take_pixels(mask)
        small_mask = nn.functional.avg_pool2d(window_mask, 4)
        small_truth = nn.functional.avg_pool2d(head.window.take_pixels(truth * mask), 4)
        return {
            "full": weighted_l1(picture, truth),
            "full_perceptual": pyramid_loss(picture, truth, 3),
            "raw": weighted_l1(head.raw, small_truth),
            "raw_perceptual": pyramid_loss(head.raw, small_truth, 2),
            "lip": weighted_l1(picture, truth, lip),
            "lip_perceptual": pyramid_loss(picture, truth, 3, lip),
            "alpha": (head.opacity - small_mask).square().mean(),
            "entropy": entropy_loss(head.opacity),
            "torso": weighted_l1(drawn.torso_alpha, shown.mask("torso_mask", 0), 1 - mask),
            "occlusion": occlusion_entropy(drawn, shown, 0),
        }
