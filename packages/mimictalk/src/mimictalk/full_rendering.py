"""An avatar of the preset `full`, ready to draw frames."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError
from mimictalk.full_face import MODEL_IDENTITY, FullFace
from mimictalk.imported_base import ImportedBase

if TYPE_CHECKING:
    import numpy as np
    import torch

    from mimictalk.avatar import Avatar


class FullPersonRenderer:
    """Draws an avatar's frames with imported weights; LoRA is merged, constants are computed once.

    Args:
        avatar: Checked, of the preset `full`.
        base: What it stands on.
        background: (512, 512, 3) uint8 to stand before; None keeps the clip's.
        size: Side of the frames, 512 or 256; None for 512.
        device: Where networks compute.

    Raises:
        InputError: If another background is asked for and the weights draw a head alone.
    """

    def __init__(
        self,
        avatar: "Avatar",
        base: ImportedBase,
        background: "np.ndarray | None" = None,
        size: int | None = None,
        device: "torch.device | str" = "cpu",
    ) -> None:
        import torch

        from mimictalk_adapt.lora import merge_adapter
        from portrait3d.full.clip_size import resized
        from portrait3d.full.drawing import FullRenderer
        from portrait3d.full.identity import FullIdentity

        tensors, model = avatar.tensors(), base.portrait()
        merge_adapter(model, avatar.adapter_dir)
        model.drop_image_to_plane()
        identity = FullIdentity.from_tensors(tensors)
        if background is not None:
            if identity.background is None:
                cause = "these weights draw a head alone, which stands before black"
                raise InputError("--background", cause, "Leave it out.")
            plate = torch.as_tensor(background.copy()).permute(2, 0, 1).float() / 127.5 - 1
            identity = identity.with_background(resized(plate[None], base.config.picture_size)[0])
        self.face = FullFace.of(base, tensors["face_identity"], tensors[MODEL_IDENTITY])
        self.portrait = FullRenderer(model.to(device), identity.to(device), size=size or 512)

    def frames(self, motion: Any) -> "Iterator[np.ndarray]":
        """Frames of a motion, one after another.

        Args:
            motion: With expression (T, 64), euler (T, 3) and translation (T, 3); gaze is not drawn.

        Returns:
            uint8 RGB (S, S, 3) each.
        """
        stream = self.face.drives(motion.expression, motion.euler, motion.translation)
        for frame in self.portrait.frames(stream):
            yield frame.cpu().numpy()
