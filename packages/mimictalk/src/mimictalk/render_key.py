"""What a video depends on, as one sha256: only what was made for the same is ever used again."""

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from mimictalk import __version__
from mimictalk.compute_device import chosen_device
from mimictalk.manifest import sha256_file
from mimictalk.video_settings import VideoSettings

# Where it is written; the avatar, which counts by its content, with what it stands on; what is done to the
# finished file.
SAME_VIDEO = ("out", "avatar", "weights", "face_model", "no_provenance", "c2pa_cert", "c2pa_key", "device")


def render_key(settings: VideoSettings, **person: str | None) -> str:
    """sha256 over person, content of every named file, all other settings, and the versions of the tools.

    Args:
        settings: Of the video.
        person: sha256 of what the person was taken from, and the form of the video.

    Which GPU draws makes no difference; whether one does, or the CPU, does: they round differently.
    """
    import av
    import torch

    from mimictalk.base_weights import PACKAGES, weight_files

    values = {
        field.name: _content(getattr(settings, field.name))
        for field in fields(settings)
        if field.name not in SAME_VIDEO
    }
    weights = {
        name: sha256_file(file)
        for package in (*PACKAGES, "talk_motion")
        for name, file in weight_files(package).items()
    }
    tools = {"mimictalk": __version__, "av": av.__version__, "torch": torch.__version__}
    person |= {"drawn_on": chosen_device(settings.device).type}
    everything = {"command": settings.COMMAND, "person": person, "settings": values, **tools, **weights}
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def _content(value: Any) -> Any:
    """A file by its content, anything else as it is."""
    if isinstance(value, Path) or (isinstance(value, str) and Path(value).is_file()):
        return {"sha256": sha256_file(Path(value))}
    return value
