"""The verdict wanted for every damaged, odd or dishonest picture and video: used with a warning, or refused in
words that a user understands."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from posed_faces import landmarks_of

from face3dmm import FaceModel, FaceTrack, InputError, track_video
from face3dmm.detector import FaceBox
from face3dmm.landmarks import face_width
from face3dmm.portrait import fit_picture

MODEL = FaceModel.open_face()


@dataclass(frozen=True)
class Refused:
    """These words are in the cause."""

    words: str


@dataclass(frozen=True)
class Used:
    """A fit near the landmarks, with as many warnings as words, each word in its warning.

    Attributes:
        words: Of the warnings, in order.
        seconds: How much of a video is looked at; None is all of it.
    """

    words: tuple[str, ...] = ()
    seconds: float | None = 1.5


VIDEOS: dict[str, Used | Refused] = {
    "v name with spaces é 名.mp4": Used(),
    "v_0.2s.mp4": Refused("too short: 0.20 s"),
    "v_audio_late_600ms.mp4": Used(),
    "v_audio_only.mp4": Refused("no picture"),
    "v_bitflips.mp4": Refused("damaged"),
    "v_face_lost_3s_to_7s.mp4": Used(("no face is seen from 3.0 to 7.0 s",), None),
    "v_frozen_frame_with_speech.mp4": Refused("still"),
    "v_hevc_10bit.mp4": Used(),
    "v_huge_4096.mp4": Used(seconds=1.0),
    "v_identity_switch_at_4s.mp4": Refused("from 4.0 s on another person"),
    "v_mouth_covered.mp4": Used(("mouth",), 3.0),
    "v_no_audio_stream.mp4": Used(),
    "v_no_face_with_speech.mp4": Refused("no face"),
    "v_nonsquare_sar.mp4": Used(("not square",)),
    "v_odd_333x277_yuv444.mp4": Used(("not square", "small")),
    "v_one_frame.mp4": Refused("too short"),
    "v_rotated_by_metadata.mp4": Used(("turned",)),
    "v_silent_audio_track.mp4": Used(),
    "v_text_renamed.mp4": Refused("not a video"),
    "v_tiny_64px.mp4": Refused("small"),
    "v_truncated_faststart.mp4": Used(("cut off",), None),
    "v_truncated_nomoov.mp4": Refused("cut off"),
    "v_two_faces_side_by_side.mp4": Used(("2 faces",)),
    "v_upside_down.mp4": Refused("upside down"),
    "v_variable_frame_rate.mp4": Used(("frame rate varies",), 5.0),
    "v_very_dark.mp4": Used(("dark",)),
    "v_wrong_audio_not_this_speaker.mp4": Used(),  # sound is no part of tracking
    "v_zero_bytes.mp4": Refused("empty"),
}
PICTURES: dict[str, Used | Refused] = {
    "p_16bit.png": Used(),
    "p_16px.png": Refused("too small"),
    "p_81_megapixel.jpg": Used(),
    "p_dog_no_human_face.jpg": Refused("no face"),
    "p_flat_gray_no_face.png": Refused("no face"),
    "p_grayscale_1ch.png": Used(),
    "p_half_face.png": Refused("cut off by the picture's edge"),
    "p_rgba_half_alpha.png": Used(("transparent",)),
    "p_truncated.png": Refused("damaged or cut off"),
}


@pytest.fixture
def hostile(media: Path) -> Path:
    folder = media / "hostile"
    if not folder.is_dir():
        pytest.skip(f"no hostile media in {media}")
    return folder


def judge(run: Callable[[Path], FaceTrack], path: Path, wanted: Used | Refused) -> None:
    if isinstance(wanted, Refused):
        with pytest.raises(InputError) as caught:
            run(path)
        assert wanted.words in caught.value.cause
        assert path.name in caught.value.subject
        assert len(str(caught.value).splitlines()) == 2
        return
    track = run(path)
    assert len(track.warnings) == len(wanted.words), track.warnings
    assert all(word in text for word, text in zip(wanted.words, track.warnings, strict=True)), track.warnings
    trusted = track.coeffs.confidence > 0
    away = (landmarks_of(MODEL, track.coeffs) - track.landmarks)[trusted, :468, :2].norm(dim=-1).median()
    assert away < 0.015 * face_width(track.landmarks[trusted]).median()


def test_the_tables_are_complete(hostile: Path) -> None:
    listed = {item["name"] for item in json.loads((hostile / "manifest.json").read_text())["items"]}
    assert {name for name in listed if not name.startswith("a_")} == {*VIDEOS, *PICTURES}


@pytest.mark.parametrize("name", VIDEOS)
def test_videos(hostile: Path, name: str) -> None:
    wanted = VIDEOS[name]
    seconds = wanted.seconds if isinstance(wanted, Used) else None
    judge(lambda path: track_video(path, max_seconds=seconds), hostile / name, wanted)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(hostile: Path, name: str) -> None:
    judge(fit_picture, hostile / name, PICTURES[name])


def test_a_picture_given_as_a_video_and_the_reverse(hostile: Path) -> None:
    judge(track_video, hostile / "p_16bit.png", Refused("it is a picture, not a video"))
    judge(fit_picture, hostile / "v_0.2s.mp4", Refused("it is a video, not a PNG"))
    judge(fit_picture, hostile / "a_ok.flac", Refused("not a picture"))


def astronaut(side: int = 512) -> Image.Image:
    data = pytest.importorskip("skimage.data")
    return Image.fromarray(data.astronaut()).resize((side, side), Image.Resampling.LANCZOS)


def two_faces() -> Image.Image:
    picture = Image.new("RGB", (1100, 620), (90, 120, 90))
    picture.paste(astronaut(600), (0, 10))
    picture.paste(astronaut(450), (620, 90))
    return picture


def grey_of_16_bits() -> Image.Image:
    return Image.fromarray(np.asarray(astronaut().convert("L")).astype(np.uint16) * 257)


def cut_off() -> Image.Image:
    return astronaut(1024).crop((60, 0, 440, 1024))  # a cheek and one eye


SMALL = "face is small"
# File name, picture, how it is saved, verdict.
MADE: dict[str, tuple[Callable[[], Image.Image], dict[str, object], Used | Refused]] = {
    "two.png": (two_faces, {}, Used(("2 faces", SMALL))),
    "cmyk.jpg": (lambda: astronaut(900).convert("CMYK"), {}, Used()),
    "palette.png": (lambda: astronaut(900).convert("P"), {}, Used()),
    "grey16.png": (grey_of_16_bits, {}, Used((SMALL,))),
    "wrong.jpg": (astronaut, {"format": "WEBP"}, Used((SMALL,))),
    "dark.png": (lambda: astronaut(900).point(lambda value: value // 8), {}, Used(("dark",))),
    "tiny.png": (lambda: astronaut(200), {}, Refused("too small")),
    "1x1.png": (lambda: Image.new("RGB", (1, 1)), {}, Refused("too small: 1 x 1")),
    "wide.png": (lambda: Image.new("RGB", (4000, 3)), {}, Refused("too small: 4000 x 3")),
    "side.png": (lambda: astronaut().rotate(90), {}, Refused("lies on its side")),
    "down.png": (lambda: astronaut().rotate(180), {}, Refused("upside down")),
    "half.png": (cut_off, {}, Refused("no face of 64 pixels or more")),
    "two.gif": (astronaut, {}, Refused("it is a GIF")),
    "moving.webp": (
        astronaut, {"save_all": True, "append_images": [Image.new("RGB", (512, 512))]},
        Refused("an animation of 2 pictures"),
    ),
    "moving.png": (
        astronaut, {"save_all": True, "append_images": [Image.new("RGB", (512, 512))]},
        Refused("an animation of 2 pictures"),
    ),
    "scan.tif": (astronaut, {}, Refused("it is a TIFF")),
}  # fmt: skip
CONTENTS = {
    "empty.png": (b"", "empty"),
    "text.jpg": (b"This is no picture.", "not a picture"),
    "head.png": (b"\x89PNG\r\n\x1a\n", "not a picture"),
    "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "a HEIC photo"),
    "paper.jpg": (b"%PDF-1.7 ...........", "a PDF document"),
}


@pytest.mark.parametrize("name", MADE)
def test_made_pictures(tmp_path: Path, name: str) -> None:
    make, options, wanted = MADE[name]
    make().save(tmp_path / name, **options)
    judge(fit_picture, tmp_path / name, wanted)


@pytest.mark.parametrize("name", CONTENTS)
def test_files_that_are_no_pictures(tmp_path: Path, name: str) -> None:
    content, words = CONTENTS[name]
    (tmp_path / name).write_bytes(content)
    judge(fit_picture, tmp_path / name, Refused(words))


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path, "a folder"),
        (tmp_path / "none.png", "no such file"),
        ("/dev/null", "a device"),
    ):
        judge(fit_picture, Path(path), Refused(words))


@pytest.mark.parametrize(
    ("euler", "words"),
    [((0.0, 0.9, 0.0), "turned 5. degrees to the side"), ((0.8, 0.0, 0.0), "turned 4. degrees up or down"),
     ((0.0, 0.0, 0.9), "leans over by 5. degrees")],
)  # fmt: skip
def test_heads_turned_too_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, euler: tuple[float, ...], words: str
) -> None:
    """The detector's answer is made from the model: no picture of a known pose is at hand."""
    astronaut(900).save(tmp_path / "a.png")
    straight = fit_picture(tmp_path / "a.png")
    coeffs = replace(straight.coeffs, euler=torch.tensor([euler]), expression=torch.zeros(1, 64))
    points = landmarks_of(MODEL, coeffs)[0].numpy() * (straight.crop[2] / 512)
    points[:, :2] += straight.crop[:2]
    box = FaceBox(*points[:468, :2].min(0), *points[:468, :2].max(0), 0.9)
    monkeypatch.setattr("face3dmm.portrait._landmarks", lambda picture, boxes: (box, points))
    with pytest.raises(InputError, match=words):
        fit_picture(tmp_path / "a.png")
