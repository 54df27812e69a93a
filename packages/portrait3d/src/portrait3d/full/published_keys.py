"""Published names to ours, and an account of every name: read, known to be unused, missing or unknown.

`keys_head.RULES`, then `keys_torso.RULES` rename; each rule is applied once, in order, by `re.sub`. A name
counts as read when its new name is in our model, so a rule that is missing or wrong shows as unknown and
missing names, never as silence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from portrait3d.full.keys_head import RULES as HEAD_RULES
from portrait3d.full.keys_torso import RULES as TORSO_RULES

UNUSED: tuple[tuple[str, str], ...] = (
    (r"\.resample_filter$", "the fixed filter [1, 3, 3, 1] of up- and down-sampling"),
    (r"\.noise_(const|strength)$", "noise of StyleGAN layers; the published renderer turns it off"),
    (r"^lambda_pertube_(blink_)?secc$", "a weight of a training loss"),
)
_RULES = tuple((re.compile(pattern), new) for pattern, new in (*HEAD_RULES, *TORSO_RULES))
_UNUSED = tuple((re.compile(pattern), why) for pattern, why in UNUSED)


@dataclass(frozen=True)
class Account:
    """Where every name went.

    Attributes:
        read: Published name to ours.
        unused: Published name to the reason why it is not needed.
        unknown: Published names that have no place.
        missing: Our names that nothing was read into.
        misfits: Sentences on tensors of another shape than ours.
    """

    read: dict[str, str]
    unused: dict[str, str]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    misfits: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every name of both sides is accounted for and fits."""
        return not (self.unknown or self.missing or self.misfits)


@cache
def our_name(published: str) -> str:
    """The name that a published entry has in `FullPortrait`."""
    for pattern, new in _RULES:
        published = pattern.sub(new, published)
    return published


def account(published: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> Account:
    """Find the place of every published tensor in our state.

    Args:
        published: Published names to tensors; only shapes are looked at.
        ours: `FullPortrait(config).state_dict()`, also on the meta device.
    """
    read: dict[str, str] = {}
    unused: dict[str, str] = {}
    taken: dict[str, str] = {}
    unknown, misfits = [], []
    for name, tensor in published.items():
        new = our_name(name)
        if new in ours and new in taken:
            misfits.append(f"{name} and {taken[new]} both stand for {new}")
        elif new in ours:
            read[name], taken[new] = new, name
            if _core(tensor) != _core(ours[new]):
                misfits.append(f"{name} has shape {_show(tensor)}, here {_show(ours[new])}")
        elif reason := _why_unused(name):
            unused[name] = reason
        else:
            unknown.append(name)
    missing = tuple(name for name in ours if name not in taken)
    return Account(read, unused, tuple(unknown), missing, tuple(misfits))


def _why_unused(name: str) -> str | None:
    return next((why for pattern, why in _UNUSED if pattern.search(name)), None)


def _core(tensor: Tensor) -> tuple[int, ...]:
    """The shape without trailing ones: a linear layer over channels is a convolution of kernel 1."""
    shape = tuple(tensor.shape)
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _show(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
