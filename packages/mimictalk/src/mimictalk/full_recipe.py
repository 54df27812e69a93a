"""How the preset `full` learns a person: imported weights, the published losses and sizes of LoRA."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.adapt_recipe import EYE_BLINK, PATIENCE, PUBLISHED_STEPS, Recipe
from mimictalk.full_face import MODEL_IDENTITY, FullFace

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceTrack
    from mimictalk.imported_base import ImportedBase
    from mimictalk_adapt import AdaptConfig
    from portrait3d.clip import PortraitClip

LORA_RANK, LORA_ALPHA = 2, 1  # as published
LORA_RATE, PLANE_RATE = 1e-3, 5e-3
SMALL_PNCC = 16  # pixels: the clip is gathered as for `small`, whose PNCC nobody looks at here


@dataclass(frozen=True)
class FullRecipe(Recipe):
    """A recipe on imported weights. By the name "own" the rates rise and fall, rare mouths are learned from
    more often and the best held-out point is the result; "published" has the script's constant rates.

    Attributes:
        base: Weights and face model; their hashes are part of the run's key.
        face: The person's; None before the clip has been followed.
    """

    rank: int = LORA_RANK
    base: "ImportedBase | None" = None
    face: FullFace | None = None

    def __repr__(self) -> str:
        return (
            f"FullRecipe(name={self.name!r}, rank={self.rank})"  # without folders: it names the run's state
        )

    def config(self, steps: int | None, seed: int, *, budget: bool = False) -> "AdaptConfig":
        """Settings of the run; see `Recipe.config`."""
        from mimictalk_adapt import AdaptConfig

        if self.name == "published":
            return super().config(steps, seed, budget=budget)
        return AdaptConfig(
            steps=steps or PUBLISHED_STEPS,
            seed=seed,
            r=self.rank,
            lora_alpha=LORA_ALPHA,
            learning_rate=LORA_RATE,
            static_learning_rate=PLANE_RATE,
            patience=PATIENCE if budget else 0,
        )

    def of_person(self, track: "FaceTrack") -> "FullRecipe":
        """The recipe with the person's face."""
        assert self.base is not None
        return replace(self, face=FullFace.fitted(self.base, track))

    def face_tensors(self) -> "dict[str, Tensor]":
        """What identity.safetensors has to hold of the face beside what motion needs."""
        assert self.face is not None
        return {MODEL_IDENTITY: self.face.model_identity}

    def material(
        self,
        video: Path,
        track: "FaceTrack",
        max_seconds: float | None,
        progress: Callable[[str, int, int, dict[str, Any]], None],
        segmenter: Path | None,
        most: int,
    ) -> "PortraitClip":
        """The clip as published weights see it; see `Recipe.material`."""
        from mimictalk.portrait_material import portrait_clip

        clip = portrait_clip(
            video, track, max_seconds, progress, pncc_size=SMALL_PNCC, segmenter=segmenter, most=most
        )
        return self.seen(clip, track)

    def seen(self, clip: "PortraitClip", track: "FaceTrack") -> "PortraitClip":
        """A clip with PNCC, cameras and key-points of the face that the weights know."""
        import torch

        assert self.face is not None
        numbers, coeffs = clip.in_video(), track.coeffs
        expression, euler, translation = (
            values[numbers] for values in (coeffs.expression, coeffs.euler, coeffs.translation)
        )
        camera = self.face.cameras(euler, translation)
        return replace(
            clip,
            pncc=self.face.pncc(expression),
            canonical_pncc=self.face.pncc(torch.zeros(1, expression.shape[1]))[0],
            camera_to_world=camera.camera_to_world,
            intrinsics=camera.intrinsics,
            keypoints=self.face.keypoints(expression, euler, translation),
            posed=None,
        )

    def model(self, tensors: "dict[str, Tensor]") -> Any:
        """The imported renderer, folded."""
        assert self.base is not None
        return self.base.portrait()

    def backbone(
        self, model: Any, clip: "PortraitClip", track: "FaceTrack", source: int, held_out: list[int]
    ) -> Any:
        """What `mimictalk_adapt` gets to learn, a `FullAdaptation`; see `Recipe.backbone`."""
        import torch

        from portrait3d.full.adaptation import FullAdaptation

        assert self.face is not None
        lids = torch.zeros(3, track.coeffs.expression.shape[1])
        lids[:, list(EYE_BLINK)] = torch.tensor([[0.0], [0.5], [1.0]])
        return FullAdaptation(model, clip, source, held_out=held_out, blinks=self.face.pncc(lids))

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return {name: value for name, value in vars(self).items() if name not in ("base", "face", "guide")}
