"""Recipes of learning a person: ours, the published one, and ours with a part taken away."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceCoeffs, FaceTrack
    from mimictalk_adapt import AdaptConfig
    from portrait3d.adaptation import PortraitAdaptation
    from portrait3d.clip import PortraitClip
    from portrait3d.model import Portrait3D

RECIPES = ("own", "published")
STEPS, PUBLISHED_STEPS = 1200, 2000
TOGETHER = 2  # frames that learn at a time: two cores do two frames in little more than the time of one
LORA_RANK = 16
PATIENCE = 6  # looks of a run with a budget; there are about sixteen
EYE_BLINK = (0, 7)  # eyeBlinkLeft and eyeBlinkRight in the order of docs/conventions.md


@dataclass(frozen=True)
class Recipe:
    """What learns, from what start, and how.

    Attributes:
        name: "own", or "published": losses, sampling and settings of MimicTalk's training script.
        rank: Of LoRA.
        planes: Whether the planes learn, or stay as image-to-plane predicts them.
        lora: Whether the network learns.
        guide: Whether super-resolution is told where the face lies (`PosedGuide`).
        start: "embedded" weights, or "random" ones.
    """

    name: str = "own"
    rank: int = LORA_RANK
    planes: bool = True
    lora: bool = True
    guide: bool = True
    start: str = "embedded"

    def __post_init__(self) -> None:
        if self.name not in RECIPES:
            raise ValueError(f"Recipe.name must be one of {RECIPES}, got {self.name!r}")
        if self.start not in ("embedded", "random"):
            raise ValueError(f"Recipe.start must be embedded or random, got {self.start!r}")
        if self.rank < 1:
            raise ValueError(f"Recipe.rank must be at least 1, got {self.rank!r}")

    def config(self, steps: int | None, seed: int, *, budget: bool = False) -> "AdaptConfig":
        """Settings of the run.

        Args:
            steps: Optimiser steps; None for the recipe's.
            seed: Of everything random.
            budget: The run has to stay within a time, and may end early where it gets no better.
        """
        from mimictalk_adapt import AdaptConfig

        if self.name == "published":
            return AdaptConfig(
                steps=steps or PUBLISHED_STEPS,
                seed=seed,
                r=2,
                lora_alpha=1,
                learning_rate=1e-3,
                static_learning_rate=5e-3,
                warm_up=0,
                schedule="constant",
                gradient_norm=float("inf"),
                take_best=False,
            )
        return AdaptConfig(
            steps=steps or STEPS,
            together=TOGETHER,
            seed=seed,
            r=self.rank,
            lora_alpha=2 * self.rank,
            learning_rate=2e-3 if self.lora else 0.0,
            patience=PATIENCE if budget else 0,
        )

    def of_person(self, track: "FaceTrack") -> "Recipe":
        """The recipe for the person of a track."""
        return self

    def face_tensors(self) -> "dict[str, Tensor]":
        """What identity.safetensors has to hold of the face beside what motion needs."""
        return {}

    def material(
        self,
        video: Path,
        track: "FaceTrack",
        max_seconds: float | None,
        progress: Callable[[str, int, int, dict[str, Any]], None],
        segmenter: Path | None,
        most: int,
    ) -> "PortraitClip":
        """What is learned from; arguments as of `portrait_clip`."""
        from mimictalk.portrait_material import portrait_clip

        return portrait_clip(video, track, max_seconds, progress, segmenter=segmenter, most=most, posed=True)

    def model(self, tensors: "dict[str, Tensor]") -> Any:
        """The generic model; arguments as of `base_model`."""
        from mimictalk.rendering import base_model

        return base_model(tensors)

    def source_frame(self, clip: "PortraitClip", expression: "Tensor") -> int:
        """The frame that shows the person best at rest; the published recipe takes the first."""
        from portrait3d.clip import best_source_frame

        if self.name == "published":
            return int(clip.usable()[0])
        return best_source_frame(clip, expression[clip.in_video()])

    def backbone(
        self,
        model: "Portrait3D",
        clip: "PortraitClip",
        track: "FaceTrack",
        source: int,
        held_out: list[int],
    ) -> "PortraitAdaptation":
        """What `mimictalk_adapt` gets to learn.

        Args:
            model: The generic model.
            clip: The person.
            track: Their face, for what the recipe needs beside the clip.
            source: The source frame.
            held_out: Frames not to learn from.
        """
        from mimictalk.shut_eye_frames import shut_eye_frames
        from portrait3d.adaptation import PortraitAdaptation
        from portrait3d.published_adaptation import TERMS, PublishedAdaptation

        if self.name == "published":
            blinks = blink_pncc(track.coeffs, clip.pncc.shape[-1])
            return PublishedAdaptation(
                model, clip, source, terms=TERMS, held_out=held_out, blinks=blinks, guided=False
            )
        shut = None
        if self.guide and clip.posed is not None:
            shut = shut_eye_frames(clip, track, source, held_out)
        return PortraitAdaptation(
            model, clip, source, held_out=held_out, shut=shut, learn_planes=self.planes, guided=self.guide
        )

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return dict(vars(self))


def blink_pncc(coeffs: "FaceCoeffs", size: int) -> "Tensor":
    """(3, 3, size, size) uint8 PNCC of the person at rest with open, half-closed and closed eyes."""
    import torch

    from face3dmm import FaceModel, render_pncc

    expression = torch.zeros(3, coeffs.expression.shape[1])
    expression[:, list(EYE_BLINK)] = torch.tensor([[0.0], [0.5], [1.0]])
    return render_pncc(FaceModel.open_face(), coeffs.identity, expression, size=size, dtype=torch.uint8)
