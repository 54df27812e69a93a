"""What one item of a batch gives, and what the three stages share."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from portrait3d.clip import PortraitClip
from portrait3d.frame_loss import training_window
from portrait3d.head_bounds import Window
from portrait3d.model import HeadLayer
from portrait3d.training.people import TrainingPeople
from portrait3d.training.settings import TrainingSettings


@dataclass(frozen=True)
class Judged:
    """Pictures for the discriminator.

    Attributes:
        picture: (B, 3, S, S) in [-1, 1].
        raw: (B, 3, s, s) in [-1, 1].
        camera: (B, 25).
    """

    picture: Tensor
    raw: Tensor
    camera: Tensor

    def detached(self) -> "Judged":
        """The same without a gradient."""
        return Judged(self.picture.detach(), self.raw.detach(), self.camera)


@dataclass(frozen=True)
class ItemResult:
    """One item: its terms by the names of `StageLosses`, and what a discriminator would judge.

    Attributes:
        terms: Scalars.
        drawn, true: Whole pictures, only where the window is the whole head.
    """

    terms: dict[str, Tensor]
    drawn: Judged | None = None
    true: Judged | None = None


class Stage(Protocol):
    """A stage of training: what an item is, what is drawn to look at."""

    def item(self, step: int, number: int, generator: torch.Generator) -> ItemResult:
        """One item; every random choice is the generator's."""
        ...

    def picture(self) -> Tensor:
        """(H, W, 3) uint8: source, truth and drawing beside each other, always of the same people."""
        ...


def pick(count: int, generator: torch.Generator) -> int:
    """An even choice of 0 .. count - 1."""
    return int(torch.randint(count, (), generator=generator))


def drawn_person(
    people: TrainingPeople, settings: TrainingSettings, step: int, number: int, generator: torch.Generator
) -> tuple[int, list[int]]:
    """A person of the data set, and frames of theirs: the source, then the targets, the first of which is the
    source itself as often as the settings say."""
    sampling = settings.sampling
    person = pick(len(people), generator)
    usable = torch.nonzero(people.facts(person).usable).flatten().tolist()
    frames = [usable[pick(len(usable), generator)] for _ in range(1 + sampling.targets)]
    count = step * settings.optimisation.batch + number
    if sampling.source_to_source_every and count % sampling.source_to_source_every == 0:
        frames[1] = frames[0]
    return person, frames


def shown_person(people: TrainingPeople, number: int) -> tuple[int, list[int]]:
    """Who is drawn to look at in row `number`, and two frames of theirs as far apart as there are."""
    person = number % len(people)
    usable = torch.nonzero(people.facts(person).usable).flatten().tolist()
    return person, [usable[0], usable[-1]]


def device_of(model: Any) -> torch.device:
    """Where a model computes."""
    device: torch.device = next(model.parameters()).device
    return device


def source_planes(
    model: Any, clip: PortraitClip, settings: TrainingSettings, generator: torch.Generator | None
) -> Tensor:
    """Planes of a clip's first frame, its camera a little wrong as a fit's is, (1, 3, C, R, R)."""
    mask = clip.mask("head_mask", 0)
    head = (clip.picture(0) * 2 - 1) * mask - (1 - mask)
    camera = clip.camera_to_world[:1]
    if generator is not None and settings.sampling.camera_noise:
        camera = disturbed(camera, settings.sampling.camera_noise, generator)
    planes: Tensor = model.predict_planes(head, camera, clip.intrinsics[:1])
    return planes


def disturbed(camera_to_world: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Cameras (B, 4, 4) turned about the world's origin by random small angles of that deviation."""
    angles = (torch.randn(len(camera_to_world), 3, generator=generator) * noise).to(camera_to_world)
    x, y, z = angles.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    turned = camera_to_world.clone()
    turned[:, :3] = torch.linalg.matrix_exp(skew) @ camera_to_world[:, :3]
    return turned


def drawn_window(
    model: Any, clip: PortraitClip, index: int, settings: TrainingSettings, generator: torch.Generator
) -> Window | None:
    """The part of a head that an item draws; None for all of it."""
    side = settings.sampling.window
    return training_window(model, clip, index, side, generator) if side else None


def mean_terms(terms: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Mean over the targets, where a term is missing counting as none."""
    names = dict.fromkeys(name for one in terms for name in one)
    return {n: torch.stack([one[n] for one in terms if n in one]).sum() / len(terms) for n in names}


def judged_head(head: HeadLayer, clip: PortraitClip, index: int) -> tuple[Judged, Judged]:
    """A head over black as drawn and as it is, for the discriminator."""
    truth = clip.picture(index) * clip.mask("head_mask", index)
    return judged_pair(head, head.colour, truth, clip, index)


def judged_pair(
    head: HeadLayer, inside: Tensor, truth: Tensor, clip: PortraitClip, index: int, back: Tensor | None = None
) -> tuple[Judged, Judged]:
    """Whole pictures of a drawn window and of the truth.

    Args:
        head: The drawn head.
        inside: (1, 3, rows, columns) the picture in its window, [0, 1].
        truth: (1, 3, S, S).
        back: (1, 3, S, S) beside the window; None for black.
    """
    rows, columns = head.window.pixels()
    picture = torch.zeros_like(truth) if back is None else back.clone()
    picture[..., rows, columns] = inside
    side = truth.shape[-1] // 4
    raw = truth.new_zeros(1, 3, side, side)
    window = head.window
    raw[..., window.top : window.top + window.rows, window.left : window.left + window.columns] = head.raw
    true_raw = F.avg_pool2d(clip.picture(index) * clip.mask("head_mask", index), 4)
    camera = torch.cat([clip.camera_to_world[index].flatten(), clip.intrinsics[index].flatten()])[None]
    return Judged(picture * 2 - 1, raw * 2 - 1, camera), Judged(truth * 2 - 1, true_raw * 2 - 1, camera)


def contact_row(pictures: list[Tensor]) -> Tensor:
    """(H, W, 3) uint8 of (1, 3, S, S) pictures in [0, 1], halved and side by side."""
    small = [F.avg_pool2d(picture.clamp(0, 1), 2)[0] for picture in pictures]
    return (torch.cat(small, -1) * 255).round().to(torch.uint8).permute(1, 2, 0)


def head_over_black(head: HeadLayer, side: int) -> Tensor:
    """(1, 3, side, side) the drawn head in its place."""
    picture = head.colour.new_zeros(1, 3, side, side)
    rows, columns = head.window.pixels()
    picture[..., rows, columns] = head.colour
    return picture
