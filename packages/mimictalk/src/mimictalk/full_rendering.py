"""A person ready to draw frames with imported weights."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mimictalk.errors import InputError
from mimictalk.full_face import MODEL_IDENTITY, FullFace
from mimictalk.imported_base import ImportedBase
from mimictalk.rendering import SIZE

if TYPE_CHECKING:
    import numpy as np
    import torch

    from face3dmm import FaceTrack
    from mimictalk.avatar import Avatar
    from portrait3d.clip import PortraitClip
    from portrait3d.full.identity import FullIdentity
    from portrait3d.full.model import FullPortrait


class FullPersonRenderer:
    """Draws a person's frames with imported weights; constants are computed once.

    Args:
        model: The imported renderer as it is to be used; it loses its image-to-plane.
        identity: The person's planes and layers.
        face: Theirs, in both face models.
        background: (512, 512, 3) uint8 to stand before; None keeps the person's own.
        size: Side of the frames, 512 or 256; None for 512.
        device: Where networks compute.

    Raises:
        InputError: If another background is asked for and the weights draw a head alone.
    """

    def __init__(
        self,
        model: "FullPortrait",
        identity: "FullIdentity",
        face: FullFace,
        background: "np.ndarray | None" = None,
        size: int | None = None,
        device: "torch.device | str" = "cpu",
    ) -> None:
        import torch

        from portrait3d.full.clip_size import resized
        from portrait3d.full.drawing import FullRenderer

        if background is not None:
            if identity.background is None:
                cause = "these weights draw a head alone, which stands before black"
                raise InputError("--background", cause, "Leave it out.")
            plate = torch.as_tensor(background.copy()).permute(2, 0, 1).float() / 127.5 - 1
            identity = identity.with_background(resized(plate[None], face.config.picture_size)[0])
        model.drop_image_to_plane()
        self.face = face
        self.portrait = FullRenderer(model.to(device), identity.to(device), size=size or SIZE)

    @classmethod
    def of_avatar(cls, avatar: "Avatar", base: ImportedBase, **how: Any) -> "FullPersonRenderer":
        """A checked avatar of the preset `full`, LoRA merged.

        Args:
            avatar: The person.
            base: What it stands on.
            how: background, size and device.
        """
        from mimictalk_adapt.lora import merge_adapter
        from portrait3d.full.identity import FullIdentity

        tensors, model = avatar.tensors(), base.portrait()
        merge_adapter(model, avatar.adapter_dir)
        face = FullFace.of(base, tensors["face_identity"], tensors[MODEL_IDENTITY])
        return cls(model, FullIdentity.from_tensors(tensors), face, **how)

    @classmethod
    def of_picture(
        cls, clip: "PortraitClip", track: "FaceTrack", base: ImportedBase, **how: Any
    ) -> "FullPersonRenderer":
        """The person of a picture, as image-to-plane reads it (Real3D-Portrait, section 3).

        Args:
            clip: The picture as a clip of one frame.
            track: Its fit.
            base: What draws it.
            how: background, size and device.
        """
        from mimictalk.full_recipe import FullRecipe
        from portrait3d.full.adaptation import FullAdaptation

        recipe = FullRecipe(base=base).of_person(track)
        assert recipe.face is not None
        model = base.portrait()
        identity = FullAdaptation(model, recipe.seen(clip, track), 0).identity()
        return cls(model, identity, recipe.face, **how)

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
