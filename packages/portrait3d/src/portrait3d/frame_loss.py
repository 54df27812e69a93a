"""The loss of one window of one frame: shared by generic training and by adaptation."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.clip import PortraitClip
from portrait3d.head_bounds import Window
from portrait3d.losses import alpha_loss, energy_loss, entropy_loss, pyramid_loss, weighted_l1
from portrait3d.model import HeadLayer, Portrait3D
from portrait3d.posed_guide import PosedGuide

MARGIN = (
    8  # pixels: convolutions see zeros beyond a training window, real features beyond it in a whole frame
)

ATTENTION = 2.0  # a pixel in the middle of the mouth or of an eye counts 1 + ATTENTION times
ATTENTION_RADIUS = (0.4, 0.2, 0.2)  # of mouth and eyes, standard deviations in distances between the eyes

FOCUS_SHARE = 0.65  # of the training windows lie round mouth and eyes


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms; all differences are L1 as in the published code."""

    colour: float = 1.0
    pyramid: float = 1.0
    energy: float = 0.5
    raw: float = 0.2
    alpha: float = 0.2
    entropy: float = 0.002
    back: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"LossWeights.{name} must be >= 0, got {value!r}")


@dataclass(frozen=True)
class Layers:
    """One person as the network takes it for a step, each with a leading batch of 1.

    Attributes:
        planes: (1, 3, C, R, R) canonical.
        torso: (1, 4, S, S) colour in [-1, 1] and alpha.
        background: (1, 3, S, S) in [-1, 1].
        canonical: (1, 3, P, P) PNCC at rest.
        source: (1, 3, P, P) PNCC of the source frame.
        keypoints: (1, K, 2) of the source frame.
        guide: Of the person; None for none.
    """

    planes: Tensor
    torso: Tensor
    background: Tensor
    canonical: Tensor
    source: Tensor
    keypoints: Tensor
    guide: PosedGuide | None = None


@dataclass(frozen=True)
class DrawnFrame:
    """A window of a frame as the model draws it.

    Attributes:
        head: The head inside the window.
        picture: (1, 3, rows, columns) head over back inside the window, [0, 1], not clamped.
        back: (1, 3, S, S) torso over background, [0, 1].
        torso_alpha: (1, 1, S, S).
    """

    head: HeadLayer
    picture: Tensor
    back: Tensor
    torso_alpha: Tensor


def draw_frame(
    model: Portrait3D,
    clip: PortraitClip,
    layers: Layers,
    diff: Tensor,
    index: int,
    window: Window | None,
    keypoints: Tensor | None = None,
) -> DrawnFrame:
    """Draw a window of a frame; arguments as of `frame_loss`.

    Args:
        window: None for all of the head.
        keypoints: (1, K, 2) that drive the torso; None for the clip's.
    """
    camera, intrinsics = clip.camera_to_world[index][None], clip.intrinsics[index][None]
    planes = model.add_diff(layers.planes, diff)
    guide = None
    if layers.guide is not None:
        guide = layers.guide.over(clip.posed_pncc(index), camera[0], intrinsics[0])
    head = model.render_head(planes, camera, intrinsics, window, guide=guide)
    target = clip.keypoints[index][None] if keypoints is None else keypoints
    back, torso_alpha = model.render_back(layers.torso, layers.background, layers.keypoints, target)
    return DrawnFrame(head, model.compose(head, back), back, torso_alpha)


def frame_loss(
    model: Portrait3D,
    clip: PortraitClip,
    layers: Layers,
    diff: Tensor,
    index: int,
    window: Window,
    weights: LossWeights,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Draw a window of a frame and compare.

    The head is compared inside the window, torso and background wherever the head is not.

    Args:
        model: The network.
        clip: Where the true frame is.
        layers: The person.
        diff: (1, 3, C, h, w) diff-plane of the frame's expression, from the motion adapter.
        index: Of the frame.
        window: What is drawn of the head.
        weights: Of the terms.

    Returns:
        The weighted loss and its terms by name.
    """
    terms = frame_terms(draw_frame(model, clip, layers, diff, index, window), clip, index)
    loss = torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
    return loss, terms


def frame_terms(drawn: DrawnFrame, clip: PortraitClip, index: int) -> dict[str, Tensor]:
    """The terms of `LossWeights` by name: a drawn frame against the true one."""
    truth = clip.picture(index)
    head_mask = clip.mask("head_mask", index)
    head, window = drawn.head, drawn.head.window
    inner = (slice(None), slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    wanted, got = window.take_pixels(truth)[inner], drawn.picture[inner]
    mask = window.take_pixels(head_mask)
    small = F.avg_pool2d(mask, 4)
    small_truth = F.avg_pool2d(window.take_pixels(truth * head_mask), 4)
    outside = 1 - head_mask
    heed = window.take_pixels(attention(clip.focus[index], truth.shape[-1]))[inner]
    return {
        "colour": weighted_l1(got, wanted, heed),
        "pyramid": pyramid_loss(got, wanted, 3, heed),
        "energy": energy_loss(got, wanted),
        "raw": weighted_l1(head.raw, small_truth),
        "alpha": alpha_loss(head.alpha[inner], mask[inner]) + alpha_loss(head.opacity, small),
        "entropy": entropy_loss(head.opacity),
        "back": weighted_l1(drawn.back, truth, outside)
        + 0.5 * pyramid_loss(drawn.back, truth, 2, outside)
        + 0.2 * weighted_l1(drawn.torso_alpha, clip.mask("torso_mask", index), outside),
    }


def attention(focus: Tensor, side: int) -> Tensor:
    """How much each pixel counts: mouth and eyes are few pixels, and all that people look at.

    Args:
        focus: (F, 2) mouth first, then the eyes, in [0, 1] of the picture.
        side: Of the picture in pixels.

    Returns:
        (1, 1, side, side), 1 far from all points.
    """
    centres = (torch.arange(side, dtype=focus.dtype, device=focus.device) + 0.5) / side
    scale = ((focus[1] - focus[2]).norm() * focus.new_tensor(ATTENTION_RADIUS)).clamp_min(1 / side)
    across, down = (
        torch.exp(-0.5 * ((centres - focus[:, axis, None]) / scale[:, None]).square()) for axis in (0, 1)
    )
    return (1 + ATTENTION * (down[:, :, None] * across[:, None, :]).amax(0))[None, None]


def training_window(
    model: Portrait3D, clip: PortraitClip, index: int, side: int, generator: torch.Generator
) -> Window:
    """A square window round a point: FOCUS_SHARE of the time one that matters, half of these the mouth; else
    any of the head's rays. Points near the head's edge count like others: windows that were drawn by their
    corner hardly ever reached the top row, and heads lost the top of their hair.

    Args:
        model: For the head's place.
        clip: Where the frame's points that matter are.
        index: Of the frame.
        side: In rays; a multiple of 4.
        generator: The only source of randomness.
    """
    whole = model.head_window(clip.camera_to_world[index], clip.intrinsics[index])
    grid = model.config.ray_grid
    rows, columns = min(side, whole.rows), min(side, whole.columns)
    draw = torch.rand(4, generator=generator)
    pick = int(torch.randint(len(clip.focus[index]), (), generator=generator))
    if draw[0] < FOCUS_SHARE:
        point = (
            clip.focus[index, 0 if draw[1] < 0.5 else pick] * grid
            + (draw[2:] - 0.5).to(clip.focus) * 0.5 * side
        )
        row, column = float(point[1]), float(point[0])
    else:
        row = whole.top + float(draw[2]) * whole.rows
        column = whole.left + float(draw[3]) * whole.columns
    top = min(max(int(row - rows / 2), whole.top), whole.top + whole.rows - rows)
    left = min(max(int(column - columns / 2), whole.left), whole.left + whole.columns - columns)
    return Window(top, left, rows, columns)
