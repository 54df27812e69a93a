"""An avatar copies a clip: which frames are judged, and what the renderer is given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.evaluating import driven


class Shown:
    """A renderer that remembers the motion and draws its number."""

    def __init__(self) -> None:
        self.motion = None

    def frames(self, motion):
        self.motion = motion
        for index in range(len(motion.expression)):
            yield np.full((512, 512, 3), 10 * index, np.uint8)


@pytest.fixture
def renderer(monkeypatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr("mimictalk.rendering.load_renderer", lambda avatar: shown)
    return shown


def copy(avatar, *rest, **options) -> None:
    driven.copy_motion(driven.Subject.of_avatar(avatar), *rest, **options)


@pytest.fixture
def avatar_of(make, here, track, monkeypatch, base):
    """Avatars with the face of the tracked clip."""
    monkeypatch.setattr("mimictalk.avatar.installed", lambda: base)

    def build(**changes):
        avatar = make(here / "me", force=True, **changes)
        tensors = avatar.tensors() | {"face_identity": track.coeffs.identity}
        monkeypatch.setattr(type(avatar), "tensors", lambda self: tensors)
        return avatar

    return build


def source(track):
    return {"name": "clip.mp4", "sha256": track.source_hash}


def test_the_own_clip_is_judged_on_what_was_held_back(avatar_of, track, capsys):
    console = Console(quiet=True)
    long = replace(track, **lengthened(track, 60))
    assert driven.held_out(avatar_of(source=source(track), meta={"frames": 30}), long, console) == 30
    assert console.warnings == []


def test_an_own_clip_that_was_learned_whole_is_judged_with_a_warning(avatar_of, track):
    console = Console(quiet=True)
    avatar = avatar_of(source=source(track), meta={"frames": len(track) - 3})
    assert driven.held_out(avatar, track, console) == 0
    assert "has learned from these very frames" in console.warnings[0]


def test_another_clip_is_judged_whole(avatar_of, track):
    console = Console(quiet=True)
    assert driven.held_out(avatar_of(meta={"frames": 5}), track, console) == 0
    assert console.warnings == []


def test_the_avatar_moves_as_the_clip_does_with_its_own_pose(avatar_of, track, renderer, tmp_path):
    out = tmp_path / "driven.mp4"
    copy(avatar_of(), track, track.crop, 4, out, Console(quiet=True), cross=False)
    assert len(renderer.motion.expression) == len(track) - 4
    # The clip's landmarks with the clip's identity: its own pose again, not a pose placed on the avatar.
    torch.testing.assert_close(renderer.motion.euler, track.coeffs.euler[4:], atol=0.01, rtol=0)
    torch.testing.assert_close(renderer.motion.translation, track.coeffs.translation[4:], atol=0.05, rtol=0)
    from face3dmm import open_video

    assert len(list(open_video(out))) == len(track) - 4


def test_a_stranger_needs_the_other_protocol(avatar_of, track, renderer, tmp_path):
    avatar = avatar_of()
    avatar.tensors()["face_identity"] = torch.full((80,), 2.5) * torch.tensor([1.0, -1.0]).repeat(40)
    console = Console(quiet=True)
    for cross in (True, False):
        copy(avatar, track, track.crop, 20, tmp_path / "a.mp4", console, cross=cross)
        assert bool(console.warnings) is not cross
    assert "--protocol cross" in console.warnings[0]


def test_the_first_frame_is_fitted_alone(track):
    first = driven.first_frame_of(track)
    assert len(first) == 1
    torch.testing.assert_close(first.landmarks[0], track.landmarks[0])
    changed = replace(track, landmarks=track.landmarks + torch.rand(len(track), 1, 1) * 20)
    changed.landmarks[0] = track.landmarks[0]
    again = driven.first_frame_of(changed)
    assert torch.equal(again.coeffs.identity, first.coeffs.identity)  # nothing of the rest is known
    assert not torch.equal(first.coeffs.identity, track.coeffs.identity)
    unseen = replace(track, coeffs=replace(track.coeffs, confidence=torch.zeros(len(track))))
    with pytest.raises(InputError, match="first frame shows no face"):
        driven.first_frame_of(unseen)


def test_an_output_without_a_face_is_a_result(tmp_path, write_video):
    noise = np.random.default_rng(0).integers(0, 256, (30, 64, 64, 3), dtype=np.uint8)
    video = write_video(tmp_path / "a.mp4", list(noise))
    track, lost = driven.track_output(video, lambda stage, done, total, facts: None)
    assert track is None
    assert "no face can be followed in the output" in lost


def lengthened(track, count: int) -> dict:
    """Fields of a track that lasts `count` frames, its last frame repeated."""

    def longer(values):
        return torch.cat([values, values[-1:].expand(count - len(values), *values.shape[1:])])

    parts = ("expression", "euler", "translation", "gaze", "confidence")
    coeffs = replace(track.coeffs, **{name: longer(getattr(track.coeffs, name)) for name in parts})
    return {"coeffs": coeffs, "landmarks": longer(track.landmarks), "face_box": longer(track.face_box)}
