"""The person of one picture: fitted, cut out, put on planes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from face3dmm import FaceTrack
    from portrait3d.clip import PortraitClip
    from talk_motion import MotionPrompt

Progress = Callable[[str, int, int, dict[str, Any]], None]


@dataclass(frozen=True, eq=False)
class PortraitPerson:
    """Who is in a picture.

    Attributes:
        clip: The picture with masks, background and PNCC, as a clip of one frame.
        track: Its fit, T = 1; `source_hash` is the sha256 of the file.
    """

    clip: "PortraitClip"
    track: "FaceTrack"

    @classmethod
    def of(cls, path: Path, progress: Progress) -> "PortraitPerson":
        """Find and fit the person.

        Raises:
            InputError: If the file is no picture, or nobody in it can be used.
        """
        import torch

        from face3dmm.portrait import fit_picture
        from mimictalk.decoded_pictures import read_portrait
        from mimictalk.portrait_material import tracked_clip

        progress("find the face", 0, 1, {})
        picture = read_portrait(path)
        track = fit_picture(path, picture=picture)
        progress("find the face", 1, 1, {})
        frame = torch.from_numpy(picture.crop(track.crop))
        return cls(tracked_clip(frame[None], track, progress), track)

    def prompt(self) -> "MotionPrompt | None":
        """Nobody's talking style can be seen in a picture."""
        return None

    def motion_tuning(self) -> None:
        """Nor can a way of speaking."""
        return None

    def tensors(self) -> "dict[str, Tensor]":
        """What motion needs to know: face identity and pose."""
        coeffs = self.track.coeffs
        return {
            "face_identity": coeffs.identity,
            "source_euler": coeffs.euler[0],
            "source_translation": coeffs.translation[0],
        }

    def renderer(
        self,
        refine: int,
        seed: int,
        background: "np.ndarray | None",
        progress: Progress,
        device: "torch.device | str" = "cpu",
        size: int | None = None,
    ) -> Any:
        """Something whose `frames(motion)` show the person.

        Args:
            refine: Steps for which the planes are learned on the picture; 0 takes them as predicted.
            seed: Of these steps.
            background: (512, 512, 3) uint8 to stand before; None keeps the picture's.
            progress: Called with (stage, done, total, facts).
            device: Where networks compute.
            size: Side of the frames, 512 or 256; None for 512.
        """
        from mimictalk.one_shot_views import picture_views
        from mimictalk.rendering import PersonRenderer
        from portrait3d.model import Portrait3D
        from portrait3d.one_shot import RefineConfig, one_shot_identity, refined_identity

        model = Portrait3D.from_pretrained("small").to(device)
        if refine:
            views = picture_views(self.clip.frames[0], self.clip.head_mask[0], self.track.coeffs)
            config = RefineConfig(steps=refine, seed=seed)
            told = lambda done, total, loss: progress("learn the likeness", done, total, loss)  # noqa: E731
            identity = refined_identity(model, self.clip, views, config, told)
        else:
            identity = one_shot_identity(model, self.clip)
        return PersonRenderer(model, identity, self.track.coeffs.identity, background, size, device)
