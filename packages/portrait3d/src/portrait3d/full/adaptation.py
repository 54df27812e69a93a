"""What the published renderer offers to `mimictalk_adapt`: its static parameters, LoRA targets and loss.

Source: MimicTalk (Ye et al. 2024), section 3.2, static-dynamic-hybrid adaptation: the canonical planes are
learned directly, the network through LoRA. Other than in the published script, frozen statistics do not drift
and nothing is dropped out, the source frame is chosen, rare openings of the mouth are learned from more
often, and frames can be held out.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from portrait3d.adaptation_terms import EVERY, blink_bend, happens, published_plane_distance
from portrait3d.clip import PortraitClip, learned_odds, pncc_to_float
from portrait3d.frame_loss import LossWeights
from portrait3d.full.adaptation_terms import WEIGHTS, frame_terms, mouth_square, true_picture
from portrait3d.full.clip_size import at_size
from portrait3d.full.folding import fold
from portrait3d.full.head_torso_background import HeadTorsoBackground
from portrait3d.full.identity import FullIdentity
from portrait3d.full.model import FullFrame, FullPortrait, Person, Surroundings
from portrait3d.full.surroundings import surroundings_of
from portrait3d.held_out import SCORED, judged_frames, psnr_where
from portrait3d.lora_layers import lora_layers
from portrait3d.losses import energy_loss, pyramid_loss, weighted_l1
from portrait3d.precision import network_dtype

# The published mode "secc2plane_sr", but for the styles, which are folded into the weights; and the decoder.
LORA_PATTERN = (
    r"motion_adapter\.(prenet|to_plane\.\d+|out)"
    r"|decoder\.(hidden|out)"
    r"|super_resolution\.(block0|block1|head_torso_block)\..+"
)


class FullAdaptation:
    """One person's clip and the published renderer that learns it; satisfies `AdaptableBackbone`.

    Args:
        model: The generic model; it is folded in place (`fold`), `mimictalk_adapt` adds LoRA. All is learned
            on its device.
        clip: The person, on the CPU, its PNCC drawn as `face3dmm.FULL` at the model's size of pictures, its
            key-points those of `torso_keypoints`; frames of another size are resized when a step needs them.
        source: Index of the source frame (see `best_source_frame`).
        held_out: Frames that are not learned from and that `judge` looks at (see `held_out_frames`).
        blinks: (3, 3, S, S) uint8 PNCC of the person at rest, with open, half-closed and closed eyes; without
            it there is no blink term.
        learn_planes: False leaves the planes as they are predicted, for ablations.
        precision: Of super-resolution, torso and background, see `FullPortrait.forward`.

    Raises:
        ValueError: If the clip's PNCC or key-points are not the model's, nothing is left to learn from, or
            `precision` is unknown.
    """

    def __init__(
        self,
        model: FullPortrait,
        clip: PortraitClip,
        source: int,
        *,
        held_out: Sequence[int] = (),
        blinks: Tensor | None = None,
        learn_planes: bool = True,
        precision: str = "auto",
    ) -> None:
        config = model.config
        self.side = config.picture_size
        if clip.pncc.shape[-1] != self.side:
            raise ValueError(f"the model sees PNCC of {self.side}, got a clip with {clip.pncc.shape[-1]}")
        if config.has_torso and clip.keypoints.shape[1] != config.torso_keypoints:
            raise ValueError(
                f"the torso follows {config.torso_keypoints} key-points, got {clip.keypoints.shape[1]}"
            )
        self.device = next(model.parameters()).device
        network_dtype(precision, self.device)
        self.precision = precision
        self.model, self.clip, self.source = fold(model.eval()), clip, source
        self.held_out = list(held_out)
        self.odds = learned_odds(clip, self.held_out)
        self.blinks = None if blinks is None else pncc_to_float(blinks).to(self.device)
        self.canonical = pncc_to_float(clip.canonical_pncc)[None].to(self.device)
        self.source_pncc = self.driving_pncc(source)
        planes = predict_planes(self.model, clip, source)[0]
        self.first_planes = planes
        self.planes = nn.Parameter(planes.clone(), requires_grad=learn_planes)
        self.surroundings: Surroundings | None = None
        self.constants = None
        if isinstance(self.model.super_resolution, HeadTorsoBackground):
            around = surroundings_of(clip, source, self.side)
            around = Surroundings(**{name: value.to(self.device) for name, value in vars(around).items()})
            self.surroundings = around
            with torch.no_grad():  # no LoRA is in what makes them
                self.constants = self.model.super_resolution.constants(
                    around.torso, around.mask, around.background
                )

    @property
    def network(self) -> FullPortrait:
        """The module that gets LoRA."""
        return self.model

    def lora_targets(self) -> list[str]:
        """Names of the motion adapter's first and last layers, the decoder's, and those of the blocks."""
        return lora_layers(self.model, LORA_PATTERN)

    def static_parameters(self) -> dict[str, tuple[nn.Parameter, float]]:
        """Name -> parameter and its learning rate relative to the run's: the planes alone, as published."""
        return {"planes": (self.planes, 1.0)} if self.planes.requires_grad else {}

    def driving_pncc(self, index: int) -> Tensor:
        """(1, 3, S, S) in [-1, 1], on the device."""
        return pncc_to_float(self.clip.pncc[index].to(self.device))[None]

    def layers(self) -> Person:
        """The person as a step takes it; planes and first layer learn."""
        still = self.model.motion_adapter.still(self.canonical, self.source_pncc)
        keypoints = None if self.surroundings is None else self.surroundings.keypoints
        return Person(self.planes[None], still, self.constants, keypoints)

    def loss(self, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of one random whole frame and its terms (see `WEIGHTS`).

        Args:
            generator: The only source of randomness.
        """
        index = int(torch.multinomial(self.odds, 1, generator=generator))
        person, shown = self.layers(), self.shown(index)
        terms = frame_terms(self.drawn(person, shown), shown)
        if self.blinks is not None and happens(generator):
            still = person.still.expand(len(self.blinks), -1, -1, -1)
            terms["blink"] = EVERY * blink_bend(self.model.motion_adapter(still, self.blinks))
        loss = torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()
        weight = published_plane_distance(int((self.odds > 0).sum()))
        if weight:
            terms["plane_distance"] = (self.planes - self.first_planes).abs().mean()
            loss = loss + weight * terms["plane_distance"]
        return loss, terms

    def shown(self, index: int) -> PortraitClip:
        """One true frame at the size of the drawn ones, on the device; its plate stays on the CPU."""
        one = self.clip.alone(index, self.device)
        return at_size(one, self.side)

    def drawn(self, person: Person, shown: PortraitClip) -> FullFrame:
        """The frame of a clip of one."""
        return draw_shown(self.model, person, shown, self.precision)

    @torch.no_grad()
    def draw(self, index: int, person: Person | None = None) -> Tensor:
        """A frame as it is drawn now, (1, 3, S, S) in [0, 1]."""
        return self.drawn(person or self.layers(), self.shown(index)).picture * 0.5 + 0.5

    @torch.no_grad()
    def judge(self) -> dict[str, float]:
        """Means over the held-out frames; none where no frame is held out.

        Returns:
            score: Colour, pyramid and energy terms at `LossWeights`, over the picture; the lower the better.
            psnr, psnr_mouth: Of the picture and of a square round the mouth, dB.
            head_iou: Intersection over union of the head's opacity and its mask, at one half.
        """
        if not self.held_out:
            return {}
        person = self.layers()
        found = [self._judged(index, person) for index in judged_frames(self.held_out)]
        return {name: sum(numbers[name] for numbers in found) / len(found) for name in found[0]}

    def _judged(self, index: int, person: Person) -> dict[str, float]:
        shown = self.shown(index)
        frame = self.drawn(person, shown)
        truth, picture = true_picture(shown, head_alone=frame.layers is None), frame.picture * 0.5 + 0.5
        weights = LossWeights()
        terms = dict(
            zip(
                SCORED,
                (weighted_l1(picture, truth), pyramid_loss(picture, truth, 3), energy_loss(picture, truth)),
                strict=True,
            )
        )
        lip = mouth_square(shown)
        alpha = nn.functional.interpolate(
            frame.head.opacity, (self.side, self.side), mode="bilinear", align_corners=False
        )
        inside, mask = alpha > 0.5, shown.mask("head_mask", 0) > 0.5
        return {
            "score": sum(getattr(weights, name) * float(value) for name, value in terms.items()),
            "psnr": psnr_where(picture, truth, torch.ones_like(lip)),
            "psnr_mouth": psnr_where(picture, truth, lip),
            "head_iou": float((inside & mask).sum() / (inside | mask).sum().clamp_min(1)),
        }

    def identity(self) -> FullIdentity:
        """The static part as it stands."""
        own = {
            "planes": self.planes.detach().clone(),
            "canonical_pncc": self.canonical[0],
            "source_pncc": self.source_pncc[0],
        }
        around = self.surroundings
        if around is None:
            return FullIdentity(**own)
        return FullIdentity(
            **own,
            torso=around.torso[0],
            torso_mask=around.mask[0],
            background=around.background[0],
            source_keypoints=around.keypoints[0],
        )


def draw_shown(model: FullPortrait, person: Person, shown: PortraitClip, precision: str) -> FullFrame:
    """The frame of a clip of one; `precision` as of `FullPortrait.forward`."""
    frame: FullFrame = model(
        person,
        shown.driving_pncc(0),
        shown.camera_to_world,
        shown.intrinsics,
        shown.keypoints,
        precision=precision,
    )
    return frame


@torch.no_grad()
def predict_planes(model: FullPortrait, clip: PortraitClip, index: int) -> Tensor:
    """Image-to-plane of a frame's head, (1, 3, C, R, R) or (1, 3, C, D, R, R); all that is not head is -1."""
    device = next(model.parameters()).device
    shown = at_size(clip.alone(index, device), model.config.picture_size)
    mask, mode = shown.mask("head_mask", 0), model.config.input_mode
    head = (shown.picture(0) * 2 - 1) * mask - (1 - mask)
    camera = torch.cat([shown.camera_to_world.flatten(1), shown.intrinsics.flatten(1)], 1)
    return model.canonical_planes(
        head, mask if "alpha" in mode else None, camera if "camera" in mode else None
    )
