"""Find the face of one picture, small ones too, and fit the face model to it."""

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from face3dmm.clip_remarks import DARK, SMALL_FACE
from face3dmm.detector import FaceBox, FaceFinder, LandmarkTracker
from face3dmm.errors import InputError
from face3dmm.fit import fit_landmarks
from face3dmm.landmarks import FACE_OVAL, MESH
from face3dmm.model import FaceModel
from face3dmm.pictures import Picture, read_picture
from face3dmm.survey import MIN_FACE, SIZE, Person, choose_crop, luminance, prominence, scaled
from face3dmm.track import FaceTrack
from face3dmm.tracking import face_boxes, file_hash
from face3dmm.turned import TURNED, quarter_turns
from face3dmm.video import VideoInfo

MOST_YAW, MOST_PITCH, MOST_ROLL = 40, 35, 45  # degrees: beyond, half of the face is a guess
MOST_OUTSIDE = 0.1  # of the face's rim may lie outside of the picture
_VIEW = 512  # pixels: what the finder is shown; it sees 192 itself
_SEARCHED = 2048  # pixels: larger pictures are thinned out for the search
_BORDER = 1.6  # a view wider than the picture, for a face that fills it
_SURE = 24  # pixels: what looks like a smaller face is often none
_SMALLEST_VIEW = 96  # pixels of the picture
_AROUND = (2.25, 1.6, 3.2)  # sides of the crops, in face boxes, in which the landmarks are looked for

_CURE = "Give a picture that shows one face from the front."


def fit_picture(
    path: str | os.PathLike[str], *, model: FaceModel | None = None, picture: Picture | None = None
) -> FaceTrack:
    """Find the face of one picture file and fit the model to it: a track of one frame.

    Photographs, paintings and drawings serve. The largest and most central face is taken; faces too small for
    the detector are looked for in enlarged parts of the picture.

    Args:
        path: A PNG, JPEG or WebP file; see `read_picture`.
        model: Face model; the embedded one by default.
        picture: The file as `read_picture` gives it, where it has been read already.

    Returns:
        A track with T = 1. `read_picture(path).crop(track.crop)` is the working picture (512, 512, 3) that
        its landmarks belong to: head and shoulders, inside the picture. `warnings` tell what was odd.

    Raises:
        InputError: If the file is no such picture, no face is found, or the face is too small (below 64
            pixels), cut off by the picture's edge, lies on its side or is turned more than 40 degrees aside,
            35 up or down.
    """
    picture = picture or read_picture(path)
    height, width = picture.pixels.shape[:2]
    if min(width, height) < MIN_FACE:
        cause = f"the picture is too small: {width} x {height} pixels"
        raise InputError(path, cause, f"Give one in which the face alone has {MIN_FACE} pixels or more.")
    model = model or FaceModel.open_face()
    with FaceFinder() as finder:
        boxes = _find(finder, picture)
        if not boxes:
            raise _no_face(path, finder, picture)
        info = VideoInfo(width, height, None, 0.0, False)
        boxes.sort(key=lambda box: -prominence(Person([0], [box]), info))
        found = _landmarks(picture, boxes)
        if found is None:
            cause = "a face is there, but its features cannot be made out: turned away, covered or blurred"
            raise InputError(path, cause, _CURE)
        box, points = found
        _check_size(path, box)
        crop = choose_crop(Person([0], [box]), info)
        turns = quarter_turns(finder, [picture.crop(crop)])
    if turns:
        raise _lying(path, turns)
    _check_inside(path, points, width, height)
    landmarks = torch.from_numpy((points - (*crop[:2], 0)) * (SIZE / crop[2])).float()[None]
    coeffs = fit_landmarks(model, landmarks, SIZE)
    _check_turn(path, np.rad2deg(coeffs.euler[0].numpy()))
    odd = [*picture.warnings, *_remarks(picture, box, boxes)]
    return FaceTrack(coeffs, landmarks, face_boxes(landmarks), file_hash(path), crop, tuple(odd))


def _find(finder: FaceFinder, picture: Picture) -> list[FaceBox]:
    """Faces in pixels of the picture: of the whole, or of the largest parts in which there are any."""
    shrink = max(1, round(max(picture.pixels.shape) / _SEARCHED))
    small = Picture(np.ascontiguousarray(picture.pixels[::shrink, ::shrink]))  # else each view takes seconds
    for views in _views(*small.pixels.shape[1::-1]):
        boxes: list[FaceBox] = []
        for x0, y0, side in views:
            for box in finder(small.crop((x0, y0, side), _VIEW)):
                inside = scaled(box, side / _VIEW)
                moved = replace(
                    inside, x0=inside.x0 + x0, x1=inside.x1 + x0, y0=inside.y0 + y0, y1=inside.y1 + y0
                )
                boxes = _without_doubles([*boxes, moved])
        if boxes:
            return [scaled(box, shrink) for box in boxes]
    return []


def _views(width: int, height: int) -> Iterator[list[tuple[int, int, int]]]:
    """Square windows of falling size: the whole, with and without a border, then halves that overlap."""
    longest = max(width, height)
    for share in (1.0, _BORDER):
        side = round(share * longest)
        yield [((width - side) // 2, (height - side) // 2, side)]
    side = longest // 2
    while side >= _SMALLEST_VIEW:
        yield [(x, y, side) for y in _starts(height, side) for x in _starts(width, side)]
        side //= 2


def _starts(length: int, side: int) -> list[int]:
    count = max(1, int(np.ceil((length - side) / (side / 2))) + 1)
    return [int(v) for v in np.linspace(0, max(length - side, 0), count).round()]


def _without_doubles(boxes: list[FaceBox]) -> list[FaceBox]:
    """Of boxes whose middles are nearer than half a face, the surest."""
    kept: list[FaceBox] = []
    for box in sorted(boxes, key=lambda box: -box.score):
        if all(np.hypot(*np.subtract(box.centre, other.centre)) > 0.5 * other.side for other in kept):
            kept.append(box)
    return kept


def _landmarks(picture: Picture, boxes: list[FaceBox]) -> tuple[FaceBox, np.ndarray] | None:
    """The first face in which landmarks are found, and these (478, 3) in pixels of the picture."""
    with LandmarkTracker(faces=4, still=True) as tracker:
        for box in boxes:
            for around in _AROUND:
                side = max(2, round(around * box.side))
                x0, y0 = (round(middle - side / 2) for middle in box.centre)
                scale = side / SIZE
                for face in tracker(picture.crop((x0, y0, side))):
                    points = face * scale + (x0, y0, 0)
                    away = np.hypot(*(points[:MESH, :2].mean(0) - box.centre))
                    if away < 0.5 * box.side:
                        return box, points.astype(np.float32)
    return None


def _check_size(path: object, box: FaceBox) -> None:
    if box.side >= MIN_FACE:
        return
    cause = f"the face is too small: {box.side:.0f} pixels, at least {MIN_FACE} are needed"
    if box.side < _SURE:
        cause = f"no face of {MIN_FACE} pixels or more was found in it"
    raise InputError(path, cause, "Give a larger picture of the face.")


def _check_inside(path: object, points: np.ndarray, width: int, height: int) -> None:
    rim = points[list(FACE_OVAL), :2]
    outside = ((rim < 0) | (rim > (width, height))).any(1).mean()
    if outside > MOST_OUTSIDE:
        raise InputError(path, "the face is cut off by the picture's edge", "Give one that shows all of it.")


def _check_turn(path: object, degrees: np.ndarray) -> None:
    pitch, yaw, roll = (abs(round(float(value))) for value in degrees)
    if roll > MOST_ROLL:
        cause = f"the head leans over by {roll} degrees, {MOST_ROLL} at most can be used"
        raise InputError(path, cause, "Turn the picture upright.")
    for angle, most, way in ((yaw, MOST_YAW, "to the side"), (pitch, MOST_PITCH, "up or down")):
        if angle > most:
            cause = f"the face is turned {angle} degrees {way}, {most} at most can be used"
            raise InputError(path, cause, _CURE)


def _remarks(picture: Picture, box: FaceBox, boxes: list[FaceBox]) -> list[str]:
    odd = []
    if len(boxes) > 1:
        odd.append(f"{len(boxes)} faces are in the picture: the largest and most central one is used")
    if box.side < SMALL_FACE:
        odd.append(f"the face is small ({box.side:.0f} pixels): what is made of it will be blurred")
    x0, y0, side = round(box.x0), round(box.y0), max(1, round(box.side))
    if luminance(picture.crop((x0, y0, side), 64), FaceBox(0, 0, 64, 64, 1)) < DARK:
        odd.append("the face is very dark")
    return odd


def _no_face(path: object, finder: FaceFinder, picture: Picture) -> InputError:
    best, scores = 0, [0.0] * 4
    for turns in (1, 2, 3):
        turned = Picture(np.ascontiguousarray(np.rot90(picture.pixels, turns)))
        whole = next(_views(*turned.pixels.shape[1::-1]))[0]
        scores[turns] = max((box.score for box in finder(turned.crop(whole, _VIEW))), default=0.0)
        best = max(best, turns, key=lambda turns: scores[turns])
    if best:
        return _lying(path, best)
    return InputError(path, "no face was found in it", _CURE)


def _lying(path: object, turns: int) -> InputError:
    return InputError(path, f"the picture {TURNED[turns]}", "Turn it upright and try again.")
