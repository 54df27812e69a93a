"""Frames of a clip with the eyes shut, for a clip that shows too few: blinks are a tenth of a second long."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from face3dmm import FaceTrack
    from portrait3d.clip import PortraitClip

ENOUGH = 16  # frames with shut eyes to learn from, whether the clip has them or they are made
SHUT, OPEN = 0.4, 0.8  # of the person's usual gap between the lids: below, above
WANTED = (0.03, 0.03, 0.4)  # of it, in turns: lids are half-way down, too


def shut_eye_frames(
    clip: "PortraitClip", track: "FaceTrack", source: int, held_out: list[int]
) -> "PortraitClip":
    """The source frame with its eyes shut, and as many others as the clip lacks of ENOUGH.

    They are frames with open eyes that are learned from, and have mouths of all degrees alike: steps that
    learn lids are then not lost for lips.

    Args:
        clip: With posed PNCC.
        track: Of the clip, or of a longer one that begins with it.
        source: The source frame.
        held_out: Frames not to learn from.
    """
    import torch

    from face3dmm import Camera, FaceModel, lid_gaps, render_pncc, render_posed_pncc, shut_eyes

    model, coeffs, numbers = FaceModel.open_face(), track.coeffs, clip.in_video()
    gaps = lid_gaps(model, track.landmarks[numbers])
    usual = gaps[clip.usable()].median(0).values
    share = gaps / usual.clamp_min(1e-6)
    learned = sorted(set(clip.usable().tolist()) - {source, *held_out})
    missing = max(0, ENOUGH - int((share[learned].amax(1) < SHUT).sum()))
    opened = [index for index in learned if float(share[index].amin()) > OPEN]
    chosen = [source, *mouths_alike(clip.opening, opened, missing)]
    wanted = torch.tensor([WANTED[place % len(WANTED)] for place in range(len(chosen))])
    frames, expression = numbers[chosen], coeffs.expression[numbers[chosen]]
    camera = Camera.from_head_pose(coeffs.euler[frames], coeffs.translation[frames])
    shut = shut_eyes(
        model,
        clip.frames[chosen],
        track.landmarks[frames],
        coeffs.identity,
        expression,
        camera,
        wanted[:, None] * usual,
    )
    size, gaze = clip.pncc.shape[-1], coeffs.gaze[frames]
    taken = clip.take(chosen)
    assert taken.eyes is not None
    return replace(
        taken,
        frames=shut.frames,
        eyes=taken.eyes * wanted,
        pncc=render_pncc(model, coeffs.identity, shut.expression, size=size, dtype=torch.uint8),
        posed=render_posed_pncc(
            model, coeffs.identity, shut.expression, camera, gaze=gaze, dtype=torch.uint8
        ),
    )


def mouths_alike(opening: "Tensor", frames: list[int], count: int) -> list[int]:
    """Some of the frames, up to `count`, whose mouths are as open as if all degrees were as common.

    Args:
        opening: (T,) how far the mouth is open.
        frames: To choose from.
        count: How many are wanted.
    """
    left = sorted(frames, key=lambda index: float(opening[index]))
    if not left:
        return []
    low, high = float(opening[left[0]]), float(opening[left[-1]])
    chosen = []
    for place in range(min(count, len(left))):
        wanted = low + (high - low) * place / max(1, count - 1)
        nearest = min(left, key=lambda index: abs(float(opening[index]) - wanted))
        left.remove(nearest)
        chosen.append(nearest)
    return chosen
