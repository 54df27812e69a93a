"""What a trained model is worth on people it has not seen."""

import math
from typing import Any

import torch
from torch import Tensor

from portrait3d.clip import PortraitClip, pncc_to_float
from portrait3d.losses import second_difference
from portrait3d.training.people import REST, TrainingPeople
from portrait3d.training.settings import TrainingSettings
from portrait3d.training.stage import device_of, head_over_black, source_planes

BANDS = ((0, 10), (10, 20), (20, 36))  # degrees between the source's view and the target's


def psnr(got: Tensor, wanted: Tensor) -> float:
    """Decibels of pictures in [0, 1]."""
    return -10 * math.log10(max(float((got.clamp(0, 1) - wanted).square().mean()), 1e-10))


def head_box(clip: PortraitClip, index: int) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle round a frame's head."""
    mask = clip.head_mask[index] > 127
    rows, columns = torch.nonzero(mask.any(1)).flatten(), torch.nonzero(mask.any(0)).flatten()
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@torch.no_grad()
def view_synthesis(model: Any, people: TrainingPeople, settings: TrainingSettings) -> dict[str, float]:
    """One picture of each person, drawn in all its other views of the face at rest, or of its own moment.

    The source is the frame that looks most straight ahead. PSNR is taken of the head over black, inside the
    rectangle round the true head and over the whole picture.

    Returns:
        "psnr_box", "psnr_picture" in dB, means over all pairs; "psnr_box_A_B" where the views differ by A to
        B degrees of yaw; "pairs".
    """
    found: list[tuple[float, float, float]] = []
    for person in range(len(people)):
        facts = people.facts(person)
        rest = torch.nonzero((facts.moment == REST) & facts.usable).flatten()
        if len(rest) < 2:
            continue
        source = int(rest[facts.yaw[rest].abs().argmin()])
        others = [int(frame) for frame in rest if int(frame) != source]
        clip = people.load(person, [source, *others]).to(device_of(model))
        planes = source_planes(model, clip, settings, None)
        for index, frame in enumerate(others, 1):
            head = model.render_head(planes, clip.camera_to_world[index][None], clip.intrinsics[index][None])
            truth = clip.picture(index) * clip.mask("head_mask", index)
            got = head_over_black(head, truth.shape[-1])
            box = (..., *head_box(clip, index))
            turn = math.degrees(float((facts.yaw[frame] - facts.yaw[source]).abs()))
            found.append((turn, psnr(got[box], truth[box]), psnr(got, truth)))
    if not found:
        raise ValueError("no one shows the face at rest from two sides")
    numbers = {
        "psnr_box": sum(box for _, box, _ in found) / len(found),
        "psnr_picture": sum(whole for _, _, whole in found) / len(found),
        "pairs": float(len(found)),
    }
    for low, high in BANDS:
        part = [box for turn, box, _ in found if low <= turn < high]
        if part:
            numbers[f"psnr_box_{low}_{high}"] = sum(part) / len(part)
    return numbers


@torch.no_grad()
def motion_transfer(
    model: Any, people: TrainingPeople, settings: TrainingSettings, targets: int = 3
) -> dict[str, float]:
    """One picture of each person, driven to other frames of theirs.

    Returns:
        "psnr_moved" and "psnr_still": dB inside the square round the true mouth, with the expression carried
        over and without any; "jitter": mean second difference of diff-planes along short straight ways
        through expressions, over their mean size.
    """
    from portrait3d.training.head_terms import lip_square

    moved: list[float] = []
    still: list[float] = []
    shake: list[float] = []
    size: list[float] = []
    for person in range(len(people)):
        generator = torch.Generator().manual_seed(person)
        usable = torch.nonzero(people.facts(person).usable).flatten()
        chosen = usable[torch.randperm(len(usable), generator=generator)[: 1 + targets]].tolist()
        clip = people.load(person, chosen).to(device_of(model))
        planes = source_planes(model, clip, settings, None)
        canonical = pncc_to_float(clip.canonical_pncc)[None]
        wanted = [clip.driving_pncc(index) for index in range(1, len(clip))]
        triplet = people.motion_triplet(person, chosen[0], generator).to(wanted[0])
        diffs = model.motion_adapter(canonical, clip.driving_pncc(0), torch.cat([*wanted, triplet]))
        shake.append(float(second_difference(diffs[-3:])))
        size.append(float(diffs[:-3].abs().mean()))
        for index in range(1, len(clip)):
            truth = clip.picture(index) * clip.mask("head_mask", index)
            camera, intrinsics = clip.camera_to_world[index][None], clip.intrinsics[index][None]
            square = lip_square(clip.focus[index], truth.shape[-1])[0, 0] > 0
            for into, driven in (
                (moved, model.add_diff(planes, diffs[index - 1 : index])),
                (still, planes),
            ):
                head = model.render_head(driven, camera, intrinsics)
                into.append(psnr(head_over_black(head, truth.shape[-1])[..., square], truth[..., square]))
    return {
        "psnr_moved": sum(moved) / len(moved),
        "psnr_still": sum(still) / len(still),
        "jitter": sum(shake) / max(sum(size), 1e-9),
        "jitter_absolute": sum(shake) / len(shake),
    }


@torch.no_grad()
def torso_reconstruction(
    model: Any, people: TrainingPeople, settings: TrainingSettings, targets: int = 2
) -> dict[str, float]:
    """One picture of each person, driven to other frames, torso and background included.

    Returns:
        "whole_psnr" of the whole picture and "torso_psnr" where the true torso is, in dB.
    """
    from portrait3d.training.torso_stage import TorsoStage

    stage = TorsoStage(model, people, settings)
    whole: list[float] = []
    torso: list[float] = []
    for person in range(len(people)):
        generator = torch.Generator().manual_seed(person)
        usable = torch.nonzero(people.facts(person).usable).flatten()
        chosen = usable[torch.randperm(len(usable), generator=generator)[: 1 + targets]].tolist()
        clip = people.load(person, chosen).to(device_of(model))
        for index, frame in enumerate(stage.draw(clip, None), 1):
            picture, truth = frame.back.clone(), clip.picture(index)
            rows, columns = frame.head.window.pixels()
            picture[..., rows, columns] = frame.picture
            whole.append(psnr(picture, truth))
            where = clip.torso_mask[index] > 127
            if bool(where.any()):
                torso.append(psnr(picture[..., where], truth[..., where]))
    return {"whole_psnr": sum(whole) / len(whole), "torso_psnr": sum(torso) / max(len(torso), 1)}
