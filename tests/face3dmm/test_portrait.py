"""From a picture file to a fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from posed_faces import landmarks_of

from face3dmm import FaceModel, InputError
from face3dmm.landmarks import face_width
from face3dmm.pictures import read_picture
from face3dmm.portrait import fit_picture
from face3dmm.tracking import file_hash

skimage_data = pytest.importorskip("skimage.data")
MODEL = FaceModel.open_face()


def pasted(path: Path, side: int, corner: tuple[int, int], size: tuple[int, int]) -> Path:
    """The astronaut, `side` pixels wide, in a green picture."""
    picture = Image.new("RGB", size, (90, 120, 90))
    astronaut = Image.fromarray(skimage_data.astronaut())
    picture.paste(astronaut.resize((side, side), Image.Resampling.LANCZOS), corner)
    picture.save(path)
    return path


def test_a_photograph(tmp_path: Path) -> None:
    path = pasted(tmp_path / "a.png", 512, (0, 0), (512, 512))
    track = fit_picture(path)
    assert len(track) == 1
    assert track.source_hash == file_hash(path)
    again = landmarks_of(MODEL, track.coeffs)
    away = (again - track.landmarks)[:, :468, :2].norm(dim=-1).median()
    assert away < 0.012 * face_width(track.landmarks)[0]
    crop = read_picture(path).crop(track.crop)
    x, y = track.landmarks[0, 1, :2].round().int().tolist()  # the tip of the nose
    red, green, blue = crop[y, x].astype(int)
    assert red > green > blue


def test_a_small_face_in_a_large_picture_is_found_where_it_is(tmp_path: Path) -> None:
    near = fit_picture(pasted(tmp_path / "a.png", 512, (0, 0), (512, 512)))
    far = fit_picture(pasted(tmp_path / "b.png", 512, (2200, 1200), (3000, 2000)))
    (x0, y0, side), (x1, y1, wide) = near.crop, far.crop
    near_points = near.landmarks[0, :468, :2] * side / 512 + torch.tensor([x0, y0])
    far_points = far.landmarks[0, :468, :2] * wide / 512 + torch.tensor([x1 - 2200, y1 - 1200])
    assert (near_points - far_points).norm(dim=-1).median() < 1.5  # pixels of a face of 95
    assert any("small" in text for text in far.warnings)
    assert float((near.coeffs.euler - far.coeffs.euler).abs().max()) < np.deg2rad(3)


@pytest.mark.parametrize("name", ["portrait_drawn_884.png", "portrait_painting_1432.jpg"])
def test_drawn_and_painted_faces(media, name: str) -> None:
    track = fit_picture(media / name)
    assert track.warnings == ()
    again = landmarks_of(MODEL, track.coeffs)
    away = (again - track.landmarks)[:, :468, :2].norm(dim=-1).median()
    assert away < 0.015 * face_width(track.landmarks)[0]


def test_a_face_too_small(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small: 4. pixels, at least 64"):
        fit_picture(pasted(tmp_path / "a.png", 240, (100, 100), (800, 600)))
