"""`render`: an avatar and a sound, or a driving clip, in; a marked mp4 out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mimictalk.avatar import Avatar
from mimictalk.background import load_background
from mimictalk.compute_device import chosen_device
from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.imported_base import ImportedBase, given_base, refuse_transparent
from mimictalk.motion_controls import MotionControls
from mimictalk.state import last_avatar
from mimictalk.video_settings import VideoSettings


@dataclass(frozen=True, kw_only=True)
class RenderSettings(VideoSettings):
    """What `render` is asked to do.

    Attributes:
        avatar: Folder; None takes the one adapted last.
        weights, face_model: Folders of imported weights and of the Basel Face Model, for an avatar that
            stands on them.
    """

    COMMAND: ClassVar[str] = "mimictalk render"
    WHO: ClassVar[str] = "avatar"
    OWN_STYLE: ClassVar[bool] = True

    avatar: Path | None = None
    weights: Path | None = None
    face_model: Path | None = None


def looking(renderer: Any, avatar: Avatar, controls: MotionControls) -> Any:
    """An avatar's renderer, with the eyes turned where the controls say so."""
    if controls.gaze is None:
        return renderer
    from mimictalk.turned_eyes import with_turned_eyes

    prompt = avatar.prompt()
    shown = None if prompt is None else prompt.motion.gaze
    return with_turned_eyes(renderer, avatar.tensors()["face_identity"], shown)


def loaded(settings: RenderSettings) -> tuple[Avatar, ImportedBase | None]:
    """The avatar and, of the preset `full`, what it stands on.

    Raises:
        InputError: If they do not fit each other, or the preset cannot do what is asked for.
    """
    path = settings.avatar if settings.avatar is not None else last_avatar()
    base = given_base(settings.weights, settings.face_model)
    avatar = Avatar.load(path, imported=None if base is None else base.hashes)
    if avatar.manifest.preset != "full":
        if base is not None:
            cause = f"{avatar.name} is of the preset {avatar.manifest.preset}, which brings its own weights"
            raise InputError("--weights, --face-model", cause, "Leave them out.")
    else:
        refuse_transparent(settings.transparent)
    return avatar, base


def _renderer(avatar: Avatar, base: ImportedBase | None, **how: Any) -> Any:
    if base is not None:
        from mimictalk.full_rendering import FullPersonRenderer

        return FullPersonRenderer.of_avatar(avatar, base, **how)
    from mimictalk.rendering import load_renderer

    return load_renderer(avatar, **how)


def render_avatar(settings: RenderSettings, console: Console) -> dict[str, Any]:
    """Render one video; returns its facts for `--json`."""
    avatar, base = loaded(settings)
    out = settings.output(avatar.name)
    background = load_background(settings.background)
    device = chosen_device(settings.device)
    console.how_to_go_on = "No video was written; run the same command to start again."
    from mimictalk.driven_video import write_driven_video
    from mimictalk.provenance import origin_of

    with console.progress() as progress:
        facts = write_driven_video(
            out,
            avatar,
            settings,
            lambda: looking(
                _renderer(avatar, base, background=background, size=settings.size, device=device),
                avatar,
                settings.controls,
            ),
            console,
            progress,
            origin_of(avatar),
        )
    return {**facts, "avatar": str(avatar.path), "avatar_sha256": avatar.sha256}
