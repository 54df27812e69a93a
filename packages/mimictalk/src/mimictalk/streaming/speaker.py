"""An avatar who speaks live: motion stream, place of the head, marked frames."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimictalk.console import Console
from mimictalk.video_settings import PIPE

if TYPE_CHECKING:
    import numpy as np

    from mimictalk.label import Label
    from mimictalk.render_job import RenderSettings
    from mimictalk.rendering import PersonRenderer
    from mimictalk.video_settings import VideoSettings
    from mimictalk.watermark import Watermark
    from talk_motion import MotionSequence

OPTIONS = ("style", "style_strength", "pose", "mouth", "blink", "gaze", "background", "seed", "device")


@dataclass(frozen=True)
class SpeakerSettings:
    """Who speaks and how, as JSON says it.

    Attributes:
        avatar: Folder.
        size: Side of the pictures, 256 or 512.
        video: Options of `mimictalk render` that change how they look, by name.
        label: Words to show; None for no label.
        watermark: Payload in 16 hexadecimal digits; None for no watermark.
    """

    avatar: str
    size: int
    video: dict[str, Any]
    label: str | None
    watermark: str | None

    @classmethod
    def of(cls, avatar: Path, size: int, video: "VideoSettings", watermark: str | None) -> "SpeakerSettings":
        """What says the same as the settings of a video."""
        options = {name: getattr(video, name) for name in OPTIONS}
        style = None if video.style is None else str(video.style.resolve())
        return cls(str(avatar.resolve()), size, options | {"style": style}, video.label, watermark)

    def as_video(self) -> "RenderSettings":
        """The settings of a video again."""
        from mimictalk.render_job import RenderSettings

        style = self.video["style"]
        options = self.video | {"style": None if style is None else Path(style)}
        return RenderSettings(avatar=Path(self.avatar), audio=PIPE, out=PIPE, **options)


class AvatarSpeaker:
    """Draws an avatar.

    Args:
        renderer: Of the person.
        begin: Gives a new motion stream.
        place: See `live_video.placing`.
        label, watermark: What goes into every frame.
    """

    def __init__(
        self,
        renderer: "PersonRenderer",
        begin: Callable[[], Any],
        place: "Callable[[MotionSequence, int], MotionSequence]",
        label: "Label | None" = None,
        watermark: "Watermark | None" = None,
    ) -> None:
        self.begin, self.place = begin, place
        self._renderer, self._label, self._watermark = renderer, label, watermark

    def draw(self, motion: "MotionSequence", frame: int) -> "np.ndarray":
        """A finished frame, (size, size, 3) uint8 RGB; may be called from several threads."""
        from mimictalk.driving import drives

        part = motion.slice(frame, frame + 1)
        portrait = self._renderer.portrait
        (drive,) = drives(
            self._renderer.face_identity,
            part.expression,
            part.euler,
            part.translation,
            *portrait.pncc_sizes,
            gaze=part.gaze,
        )
        picture: np.ndarray = portrait.frame(*drive).numpy()
        if self._label is not None:
            picture = self._label.draw(picture)
        return picture if self._watermark is None else self._watermark.embed(picture)


def load_speaker(settings: SpeakerSettings, console: Console) -> AvatarSpeaker:
    """Load an avatar and all that it needs to speak.

    Raises:
        InputError: If a file cannot be used.
    """
    from mimictalk.avatar import Avatar
    from mimictalk.background import load_background
    from mimictalk.compute_device import chosen_device
    from mimictalk.label import Label
    from mimictalk.live_video import placing
    from mimictalk.motion_sources import speaking_of, speaking_style
    from mimictalk.person_motion import motion_model
    from mimictalk.rendering import load_renderer
    from mimictalk.watermark import Watermark
    from talk_motion.streaming import MotionStream

    video = settings.as_video()
    avatar, size = Avatar.load(Path(settings.avatar)), (settings.size, settings.size)
    with console.progress() as progress:
        prompt = speaking_style(avatar, video, console, progress)
        place = placing(avatar, prompt, video, console, progress)
    model = motion_model(avatar if video.style is None else None, console)
    speaking = speaking_of(video)
    return AvatarSpeaker(
        load_renderer(avatar, load_background(video.background), settings.size, chosen_device(video.device)),
        lambda: MotionStream(model, prompt, speaking),
        place,
        None if settings.label is None else Label(settings.label, size),
        None if settings.watermark is None else Watermark(int(settings.watermark, 16), size),
    )
