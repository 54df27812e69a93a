"""Tensors from a file that a user gives, whatever wrote it, with nothing in it run."""

from pathlib import Path

from torch import Tensor


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name of a .safetensors file, or of a file that `torch.save` wrote.

    Raises:
        InputError: If the file is missing, damaged, or holds objects other than tensors and numbers.
    """
    if path.suffix == ".safetensors":
        from portrait3d.metrics.given_weights import read_given

        return read_given([path])
    from portrait3d.full.checkpoint_file import read_checkpoint

    return read_checkpoint(path).tensors
