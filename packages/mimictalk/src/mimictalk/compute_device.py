"""Where networks compute: what `--device` may say, and what it comes to on this machine."""

import re
from typing import TYPE_CHECKING

from mimictalk.errors import InputError

if TYPE_CHECKING:
    import torch

OPTION = "--device"
FORM = re.compile(r"auto|cpu|cuda(?::(\d{1,4}))?")


def check_device(text: str) -> str:
    """The text, if it is one of auto, cpu, cuda and cuda:N; whether there is such a device is not asked.

    Raises:
        InputError: If it is not.
    """
    if FORM.fullmatch(text) is None:
        raise InputError(OPTION, f"{text!r} is no device", "Give auto, cpu, cuda, or cuda:N, N from 0.")
    return text


def chosen_device(text: str) -> "torch.device":
    """The device meant: for "auto" the first GPU that torch can use, or the CPU where it can use none.

    Where a GPU is there but `triplane_render` was compiled without CUDA, its PyTorch reference runs there.

    Args:
        text: As for `check_device`.

    Raises:
        InputError: If it is no device, or there is none such.
    """
    found = FORM.fullmatch(check_device(text))
    import torch

    seen = torch.cuda.device_count() if text != "cpu" and torch.cuda.is_available() else 0
    if text == "cpu" or (text == "auto" and not seen):
        return torch.device("cpu")
    number = int(found[1] or 0) if found is not None else 0
    if number < seen:
        return torch.device("cuda", number)
    cure = "`mimictalk doctor` says why; --device cpu does without."
    if torch.version.cuda is None:
        cause = f"{text} cannot be used: the torch that is installed was built for the CPU"
        raise InputError(OPTION, cause, f"Install torch's CUDA build (pytorch.org, Get started). {cure}")
    raise InputError(OPTION, f"{text} is not there: torch sees {seen or 'no'} CUDA devices", cure)
