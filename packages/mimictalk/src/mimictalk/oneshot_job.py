"""`oneshot`: one portrait and a sound, or a driving clip, in; a marked mp4 out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mimictalk.background import load_background
from mimictalk.compute_device import chosen_device
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.video_settings import VideoSettings

REFINE = 60
MOST_STEPS = 5000


@dataclass(frozen=True, kw_only=True)
class OneShotSettings(VideoSettings):
    """What `oneshot` is asked to do.

    Attributes:
        picture: The portrait.
        refine: Steps for which the likeness is learned on the picture; 0 for none.
    """

    COMMAND: ClassVar[str] = "mimictalk oneshot"
    WHO: ClassVar[str] = "person"
    OWN_STYLE: ClassVar[bool] = False

    picture: Path
    refine: int = REFINE

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.refine <= MOST_STEPS:
            raise InputError("--refine", f"{self.refine} is out of range", f"Give 0 to {MOST_STEPS} steps.")

    @property
    def inputs(self) -> list[Path]:
        """Every file that the options may name."""
        return [*super().inputs, self.picture]


def one_shot(settings: OneShotSettings, console: Console) -> dict[str, Any]:
    """Make one video of a portrait; returns its facts for `--json`."""
    out = settings.output(settings.picture.stem)
    background = load_background(settings.background)
    device = chosen_device(settings.device)
    console.how_to_go_on = "No video was written; run the same command to start again."
    import torch

    from mimictalk.driven_video import write_driven_video
    from mimictalk.one_shot_person import PortraitPerson
    from mimictalk.provenance import origin_of_picture
    from mimictalk.turned_eyes import with_turned_eyes

    torch.set_flush_denormal(True)  # a third of the time of small networks goes into denormals otherwise
    with console.progress() as progress:
        person = PortraitPerson.of(settings.picture, progress)
        for warning in person.track.warnings:
            console.warn(f"{settings.picture.name}: {warning}")

        def drawing() -> Any:
            asked = settings.refine, settings.seed, background, progress, device, settings.size
            renderer = person.renderer(*asked)
            if settings.controls.gaze is None:
                return renderer
            seen = person.track.coeffs
            return with_turned_eyes(renderer, seen.identity, seen.gaze)

        facts = write_driven_video(
            out,
            person,
            settings,
            drawing,
            console,
            progress,
            origin_of_picture(settings.picture, person.track.source_hash),
        )
    return {
        **facts,
        "portrait": str(settings.picture),
        "portrait_sha256": person.track.source_hash,
        "refine_steps": settings.refine,
    }
