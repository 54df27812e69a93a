"""CPU time of the stages inside one frame of `full`, of the published code and of ours.

A stage's inner parts are not stages: what it took is told whole. Work outside all stages is "composition".
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from torch import nn

Stages = dict[str, tuple[str, str]]
STAGES: Stages = {  # name, theirs, ours; "" where the module is not run in a frame
    "motion adapter": ("secc_img2plane_backbone", "motion_adapter"),
    "rays": ("renderer", "render_head"),
    "torso warp": ("superresolution.torso_model", "super_resolution.torso_warp"),
    "torso encoder": ("superresolution.torso_encoder", "super_resolution.torso_encoder"),
    "background encoder": ("superresolution.bg_encoder", ""),
    "first block": ("superresolution.block0", "super_resolution.block0"),
    "fusing head and torso": (
        "superresolution.fuse_head_torso_convs",
        "super_resolution.fuse_head_torso",
    ),
    "head and torso block": ("superresolution.head_torso_block", "super_resolution.head_torso_block"),
    "alpha": ("superresolution.head_torso_alpha_predictor", "super_resolution.head_alpha"),
    "fusing background": ("superresolution.fuse_fg_bg_convs", "super_resolution.fuse_background"),
    "last block": ("superresolution.block1", "super_resolution.block1"),
}
RENDER = "portrait3d.full.model.render_head"  # a function, and no module


@contextlib.contextmanager
def clocked(model: nn.Module, published: bool) -> Iterator[dict[str, float]]:
    """CPU seconds that each stage takes while the context is open, by name; filled as frames are drawn.

    Args:
        model: Whose frames.
        published: Whether it is the published code's model.
    """
    took: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        for name, places in STAGES.items():
            place = places[0 if published else 1]
            if place == "render_head":
                stack.enter_context(mock.patch(RENDER, _timed(_function(RENDER), name, took)))
                continue
            module = _found(model, place)
            if module is None:
                continue
            # Not a hook: the published code calls `forward` of some modules itself.
            stack.enter_context(mock.patch.object(module, "forward", _timed(module.forward, name, took)))
        yield took


def _found(model: nn.Module, place: str) -> nn.Module | None:
    """The module of that name; None where this size of the model has none."""
    return dict(model.named_modules()).get(place) if place else None


def _function(place: str) -> Callable[..., Any]:
    from importlib import import_module

    module, name = place.rsplit(".", 1)
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _timed(work: Callable[..., Any], name: str, took: dict[str, float]) -> Callable[..., Any]:
    def run(*args: Any, **more: Any) -> Any:
        began = time.process_time()
        answer = work(*args, **more)
        _add(took, name, time.process_time() - began)
        return answer

    return run


def _add(took: dict[str, float], name: str, seconds: float) -> None:
    took[name] = took.get(name, 0.0) + seconds
