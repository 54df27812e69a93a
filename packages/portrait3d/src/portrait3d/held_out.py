"""Frames of a clip that are kept from learning, and how well they are drawn."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip
from portrait3d.frame_loss import DrawnFrame, Layers, LossWeights, draw_frame, frame_terms
from portrait3d.frame_threads import in_threads
from portrait3d.losses import square_round
from portrait3d.model import Portrait3D

STRETCH, STRETCHES, LEARNED_PER_STRETCH = 8, 4, 75  # frames; at most; frames of the clip for each stretch
SCORED = ("colour", "pyramid", "energy")
MOUTH_HALF = 0.5  # half the side of the mouth's square, in distances between the eyes


def held_out_frames(clip: PortraitClip) -> list[int]:
    """Short stretches spread over a clip, (n,) sorted; none of a clip under three seconds.

    Stretches, not single frames: the frame before and the frame after one would give it away. The middle of
    a stretch is the best hidden.
    """
    count = len(clip)
    stretches = min(STRETCHES, count // LEARNED_PER_STRETCH)
    chosen: list[int] = []
    for number in range(stretches):
        first = (2 * number + 1) * count // (2 * stretches) - STRETCH // 2
        chosen += [i for i in range(first, first + STRETCH) if float(clip.confidence[i]) > 0]
    return chosen


def judged_frames(held_out: list[int], most: int = 8) -> list[int]:
    """The held-out frames that are judged: every second one is as good as its neighbour."""
    inner = [i for i in held_out if i - 2 in held_out and i + 2 in held_out] or held_out
    return inner[:: max(1, -(-len(inner) // most))]


def judge_frames(
    model: Portrait3D,
    clip: PortraitClip,
    layers: Layers,
    held_out: list[int],
    networks: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> dict[str, float]:
    """How well frames are drawn that were not learned from, means over them.

    Args:
        model: With LoRA in place or merged.
        clip: Where the true frames are, on the CPU; each is taken to where the layers are.
        layers: The person.
        held_out: Frames to judge.
        networks: Gives the context in which each frame is drawn (see `networks_in`).

    Returns:
        score: Colour, pyramid and energy terms at their default weights, over the head; the lower the better.
        psnr, psnr_mouth: Of the picture and of a square round the mouth, dB.
        head_iou: Intersection over union of the head's alpha and its mask, at one half.

    Raises:
        ValueError: If there is nothing to judge.
    """
    frames = judged_frames(held_out)
    if not frames:
        raise ValueError("no frames are held out")

    @torch.no_grad()
    def judged(index: int) -> dict[str, float]:
        shown = clip.alone(index, layers.planes.device)
        with networks():
            drawn = _drawn(model, shown, layers)
        return _judge(drawn, shown)

    found = list(in_threads(judged, frames) if layers.planes.device.type == "cpu" else map(judged, frames))
    return {name: sum(numbers[name] for numbers in found) / len(found) for name in found[0]}


def _drawn(model: Portrait3D, shown: PortraitClip, layers: Layers) -> DrawnFrame:
    diff = model.motion_adapter(layers.canonical, layers.source, shown.driving_pncc(0))
    return draw_frame(model, shown, layers, diff, 0, None)


def _judge(drawn: DrawnFrame, shown: PortraitClip) -> dict[str, float]:
    weights = LossWeights()
    terms = frame_terms(drawn, shown, 0)
    truth, picture = shown.picture(0), whole_picture(drawn)
    focus = shown.focus[0]
    square = square_round(focus[0], MOUTH_HALF * (focus[1] - focus[2]).norm(), truth.shape[-1])
    mask = drawn.head.window.take_pixels(shown.mask("head_mask", 0)) > 0.5
    alpha = drawn.head.alpha > 0.5
    return {
        "score": float(sum(getattr(weights, name) * float(terms[name]) for name in SCORED)),
        "psnr": psnr_where(picture, truth, torch.ones_like(square)),
        "psnr_mouth": psnr_where(picture, truth, square),
        "head_iou": float((alpha & mask).sum() / (alpha | mask).sum().clamp_min(1)),
    }


def whole_picture(drawn: DrawnFrame) -> Tensor:
    """(1, 3, S, S) in [0, 1]: the head in its place over torso and background."""
    picture = drawn.back.clone()
    rows, columns = drawn.head.window.pixels()
    picture[..., rows, columns] = drawn.picture
    return picture.clamp(0, 1)


def psnr_where(got: Tensor, wanted: Tensor, where: Tensor) -> float:
    """dB inside `where` (1, 1, S, S), with the error of rounding to 8 bits as the least."""
    error = ((got - wanted).square() * where).sum() / (3 * where.sum()).clamp_min(1)
    return float(-10 * torch.log10(error.clamp_min(1 / 12 / 255**2)))
