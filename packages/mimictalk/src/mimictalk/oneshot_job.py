"""`oneshot`: one portrait and a sound, or a driving clip, in; a marked mp4 out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mimictalk.background import load_background
from mimictalk.compute_device import chosen_device
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.imported_base import given_base, refuse_transparent
from mimictalk.video_settings import VideoSettings

REFINE = 60
MOST_STEPS = 5000


@dataclass(frozen=True, kw_only=True)
class OneShotSettings(VideoSettings):
    """What `oneshot` is asked to do.

    Attributes:
        picture: The portrait.
        refine: Steps for which the likeness is learned on the picture; 0 for none.
        weights, face_model: Folders of imported weights and of the Basel Face Model, to draw with them.
    """

    COMMAND: ClassVar[str] = "mimictalk oneshot"
    WHO: ClassVar[str] = "person"
    OWN_STYLE: ClassVar[bool] = False

    picture: Path
    refine: int = REFINE
    weights: Path | None = None
    face_model: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.refine <= MOST_STEPS:
            raise InputError("--refine", f"{self.refine} is out of range", f"Give 0 to {MOST_STEPS} steps.")
        if (self.weights, self.face_model) != (None, None):
            refuse_transparent(self.transparent)
            if self.refine:
                cause = "imported weights draw a picture as they read it"
                raise InputError("--refine", cause, "Leave it out; to learn a person, adapt a clip.")

    @property
    def inputs(self) -> list[Path]:
        """Every file that the options may name."""
        return [*super().inputs, self.picture]


def one_shot(settings: OneShotSettings, console: Console) -> dict[str, Any]:
    """Make one video of a portrait; returns its facts for `--json`."""
    out = settings.output(settings.picture.stem)
    background = load_background(settings.background)
    device = chosen_device(settings.device)
    base = given_base(settings.weights, settings.face_model)
    console.how_to_go_on = "No video was written; run the same command to start again."
    import torch

    from mimictalk.driven_video import write_driven_video
    from mimictalk.full_rendering import FullPersonRenderer
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
            if base is None:
                renderer = person.renderer(*asked)
            else:
                how = {"background": background, "size": settings.size, "device": device}
                renderer = FullPersonRenderer.of_picture(person.clip, person.track, base, **how)
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
            None if base is None else base.hashes,
        )
    return {
        **facts,
        "portrait": str(settings.picture),
        "portrait_sha256": person.track.source_hash,
        "refine_steps": settings.refine,
    }
