"""A person ready to draw frames."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from mimictalk.avatar import Avatar

SIZE = 512  # of frames, unless told otherwise


class PersonRenderer:
    """Draws a person's frames; constants are computed once.

    Args:
        model: The portrait model as it is to be used.
        identity: The person's planes and layers.
        face_identity: (80,) of the face model.
        background: (512, 512, 3) uint8 to stand before; None keeps the person's own.
        size: Side S of the frames, 512 or 256; None for 512.
        device: Where networks compute; the model is moved there.
    """

    def __init__(
        self,
        model: Any,
        identity: Any,
        face_identity: "Tensor",
        background: "np.ndarray | None" = None,
        size: int | None = None,
        device: "torch.device | str" = "cpu",
    ) -> None:
        import torch

        from portrait3d.drawing import PortraitRenderer

        self._model, self._identity, self._size, self._device = model.to(device), identity, size, device
        if background is not None:
            plate = torch.as_tensor(background.copy()).permute(2, 0, 1).float() / 127.5 - 1
            identity = identity.with_background(plate)
        self.face_identity = face_identity.float()
        self.portrait = PortraitRenderer(self._model, identity.to(device), size=size)

    def before(self, background: "np.ndarray | None") -> "PersonRenderer":
        """The same person before another background, without loading them again."""
        again = self._model, self._identity, self.face_identity
        return PersonRenderer(*again, background, self._size, self._device)

    def frames(self, motion: Any) -> "Iterator[np.ndarray]":
        """Frames of a motion, one after another.

        Args:
            motion: With expression (T, 64), euler (T, 3), translation (T, 3) and gaze (T, 2).

        Returns:
            uint8 RGB (S, S, 3) each.
        """
        yield from self._drawn(motion, transparent=False)

    def cut_out_frames(self, motion: Any) -> "Iterator[np.ndarray]":
        """As `frames`, the person before nothing: uint8 (S, S, 4) each, straight colours and alpha."""
        yield from self._drawn(motion, transparent=True)

    def _drawn(self, motion: Any, *, transparent: bool) -> "Iterator[np.ndarray]":
        from mimictalk.driving import drives

        parts = motion.expression, motion.euler, motion.translation
        stream = drives(self.face_identity, *parts, *self.portrait.pncc_sizes, gaze=motion.gaze)
        for frame in self.portrait.frames(stream, transparent=transparent):
            yield frame.cpu().numpy()


class Renderer(PersonRenderer):
    """Draws an avatar's frames; LoRA is folded into the weights.

    Args:
        tensors: Content of identity.safetensors.
        adapter_dir: Folder with the adapter in peft's format.
        background: (512, 512, 3) uint8 to stand before; None keeps the clip's.
        size: Side of the frames, 512 or 256; None for 512.
        device: Where networks compute.
    """

    def __init__(
        self,
        tensors: "dict[str, Tensor]",
        adapter_dir: Any,
        background: "np.ndarray | None" = None,
        size: int | None = None,
        device: "torch.device | str" = "cpu",
    ) -> None:
        from mimictalk_adapt.lora import merge_adapter
        from portrait3d.identity import Identity

        model = base_model(tensors)
        merge_adapter(model, adapter_dir)
        identity = Identity.from_tensors(tensors)
        super().__init__(model, identity, tensors["face_identity"], background, size, device)


def frame_renderer(model: Any, identity: Any) -> Any:
    """What draws single frames of a person, 512 pixels wide.

    Args:
        model: Of either preset, with LoRA merged in.
        identity: The person, of the same preset.
    """
    from portrait3d.drawing import PortraitRenderer
    from portrait3d.full.drawing import FullRenderer
    from portrait3d.full.identity import FullIdentity

    if isinstance(identity, FullIdentity):
        return FullRenderer(model, identity, size=SIZE)
    return PortraitRenderer(model, identity)


def base_model(tensors: "dict[str, Tensor]") -> Any:
    """The generic model that an avatar was adapted from: the embedded weights, or a random start."""
    import torch

    from portrait3d.model import Portrait3D

    if "random_start_seed" in tensors:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(tensors["random_start_seed"]))
            return Portrait3D().eval()
    return Portrait3D.from_pretrained("small")


def load_renderer(
    avatar: "Avatar",
    background: "np.ndarray | None" = None,
    size: int | None = None,
    device: "torch.device | str" = "cpu",
) -> Renderer:
    """A renderer for a checked avatar; arguments as of `Renderer`."""
    return Renderer(avatar.tensors(), avatar.adapter_dir, background, size, device)
