"""The CSV of Epic's Live Link Face app: a time code, 52 ARKit weights and 9 angles per row.

What is relied on, read off 13 takes of the app in public repositories (AnimaVR/NeuroSync_Player,
JMTechArt/Pipeline-Examples, alexdjulin/LiveLinkFace-CSV-Retarget-For-Motionbuilder):

- The header begins ``Timecode,BlendshapeCount`` (some: BlendShapeCount); the count is 61; 10 decimals.
- Time codes are HH:MM:SS:FF.mmm, mmm thousandths of a frame; FF counts to 60 in a take recorded at 30, too.
- Eye angles are radians, pitch > 0 down, yaw > 0 to the subject's right: they follow EyeLookDown (r = 0.97 to
  1.00) and EyeLookOutRight (r = 0.94 to 1.00 where the eyes move). Their roll is yaw times pitch: so an eye
  without torsion is taken apart as yaw, pitch, roll in the axes of Unreal's `FAppleARKitConversion`.

The same axes give the head: HeadPitch > 0 down, HeadYaw > 0 to the subject's right, HeadRoll > 0 lifts the
subject's right side, R = R_yaw R_pitch R_roll, radians. That the head has the eyes' signs is inferred, not
seen: in all these takes the head's columns are zero (a switch of the app). Radians are what Diffeomorphic's
importer for DAZ reads there, made with a take that has them. Importers differ in signs, and a phone held in
landscape is said to reverse pitch and yaw (nmfisher/blender_livelinkface).
"""

import csv
import io
import os
import re
from array import array

import numpy as np
import torch
from numpy.typing import NDArray

from face3dmm.arkit import ARKIT_NAMES
from face3dmm.arkit_weights import SHAPES, ArkitMotion, gaze_from_look
from face3dmm.camera import euler_from_rotation, rotation_from_euler
from face3dmm.errors import InputError
from face3dmm.files import read_limited, write_atomic

Array = NDArray[np.float64]

RATES = (24, 25, 30, 48, 50, 60, 120)  # frames per second that time codes count in
APP_RATE = 60
MAX_BYTES = 200_000_000  # an hour at 60 frames per second
MAX_SECONDS = 4 * 3600.0
LIMITS = np.array([2.0] * SHAPES + [2 * np.pi] * 9)  # the app writes up to 1.06 and 0.7; more is another unit
ANGLES = tuple(part + angle for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll"))
COLUMNS = ("Timecode", "BlendshapeCount", *(name[0].upper() + name[1:] for name in ARKIT_NAMES), *ANGLES)
_CURE = "Give a CSV as the Live Link Face app or write_live_link writes it."
_TIMECODE = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9]):([0-9]{1,3})(\.[0-9]{1,6})?")


def write_live_link(path: str | os.PathLike[str], motion: ArkitMotion, fps: int = APP_RATE) -> None:
    """Write a take, atomically.

    Tools that play these files expect the app's 60 rows per second, many without looking at the time codes;
    so motion is resampled to it (`resampled`). At 25 or 50 a motion of 25 fps keeps its own samples.

    Args:
        path: File to write or replace.
        motion: T frames; lasts T / fps seconds in the file, too.
        fps: Rows per second, one of 24, 25, 30, 48, 50, 60, 120.

    Raises:
        ValueError: For another rate, no frame, or a number that is not finite or far out of range.
    """
    if fps not in RATES:
        raise ValueError(f"fps must be one of {RATES}, got {fps}")
    values = _columns_of(motion)
    if not len(values) or not (np.abs(values) <= LIMITS).all():
        cause = f"{len(values)} frames cannot be written"
        raise ValueError(f"{cause}: a take needs one or more, with weights in [0, 1] and angles in radians")
    count = max(1, round(len(values) * fps / motion.fps))
    values = resampled(values, np.arange(len(values)) / motion.fps, np.arange(count) / fps)
    lines = [",".join(COLUMNS)]
    for frame, row in enumerate(values):
        numbers = ",".join(f"{value:.10f}" for value in row)
        lines.append(f"{timecode(frame, fps)},{len(row)},{numbers}")
    write_atomic(path, ("\n".join(lines) + "\n").encode("ascii"))


def read_live_link(
    path: str | os.PathLike[str], fps: float = 25.0, timecode_rate: float | None = None
) -> ArkitMotion:
    """Read a take and resample it by its time codes.

    Columns are found by name; a byte order mark and CRLF are accepted. Rows whose count is 0 (the app saw no
    face) are bridged like missing rows. If all eye angles are zero the gaze comes from the EyeLook* weights.

    Args:
        path: The file.
        fps: Frames per second to give back.
        timecode_rate: Frames per second that the time codes count in. None: found from them if the take
            passes into another second, else the app's 60.

    Raises:
        InputError: With the line number, if anything is not as it should be.
        ValueError: If a rate is not positive.
    """
    for name, rate in (("fps", fps), ("timecode_rate", timecode_rate)):
        if rate is not None and not 0 < rate <= 1000:
            raise ValueError(f"{name} must lie in (0, 1000], got {rate}")
    codes, values = _rows(path)
    seconds = _seconds(path, codes, timecode_rate)
    if seconds[-1] > MAX_SECONDS:
        raise InputError(path, f"it lasts {seconds[-1] / 3600:.1f} hours, more than 4", "Cut it into parts.")
    step = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1 / (timecode_rate or APP_RATE)
    count = max(1, round((float(seconds[-1]) + step) * fps))
    return _motion_of(resampled(values, seconds, np.arange(count) / fps), fps)


def resampled(values: Array, seconds: Array, wanted: Array) -> Array:
    """Rows (T, 61) at `seconds` (T,) turned into rows at `wanted` times: straight lines between rows, angles
    along the shorter arc, first and last row held."""
    values = np.concatenate([values[:, :SHAPES], np.unwrap(values[:, SHAPES:], axis=0)], 1)
    new = np.stack([np.interp(wanted, seconds, column) for column in values.T], 1)
    new[:, SHAPES:] = np.remainder(new[:, SHAPES:] + np.pi, 2 * np.pi) - np.pi
    return new


def timecode(frame: int, fps: int) -> str:
    """HH:MM:SS:FF.000 of a frame number; begins again after 24 hours."""
    seconds, rest = divmod(frame, fps)
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}.000"


def _columns_of(motion: ArkitMotion) -> Array:
    rotation = rotation_from_euler(motion.euler.detach().double())
    yaw = torch.atan2(rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = torch.asin(-rotation[:, 1, 2].clamp(-1, 1))
    roll = torch.atan2(rotation[:, 1, 0], rotation[:, 1, 1])
    look_down, look_left = motion.gaze.detach().double().unbind(-1)
    eye = (-look_left, look_down, torch.zeros_like(yaw))  # no roll: an eye's own axis does not move the sight
    angles = torch.stack([-yaw, pitch, -roll, *eye, *eye], -1)
    return np.asarray(torch.cat([motion.weights.detach().double(), angles], -1).numpy() + 0.0)  # no "-0.0"


def _motion_of(values: Array, fps: float) -> ArkitMotion:
    weights, angles = values[:, :SHAPES], torch.from_numpy(values[:, SHAPES:])
    zero = torch.zeros_like(angles[:, 0])
    yaw, pitch, roll = angles[:, :3].unbind(-1)
    turns = ((zero, -yaw, zero), (pitch, zero, zero), (zero, zero, -roll))
    by_yaw, by_pitch, by_roll = (rotation_from_euler(torch.stack(turn, -1)) for turn in turns)
    gaze = torch.stack([angles[:, [4, 7]].mean(-1), -angles[:, [3, 6]].mean(-1)], -1)
    if not bool(angles[:, 3:].any()):
        gaze = torch.from_numpy(gaze_from_look(weights))
    euler = euler_from_rotation(by_yaw @ by_pitch @ by_roll)
    return ArkitMotion(torch.from_numpy(weights).float(), euler.float(), gaze.float(), fps)


def _rows(path: str | os.PathLike[str]) -> tuple[list[tuple[int, str]], Array]:
    """Line numbers with time codes, and values (T, 61) in the order of `COLUMNS`."""
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    codes, values = [], array("d")  # as Python numbers a long take would not fit into memory
    try:
        places = _places(path, next(reader, []))
        for row in reader:
            if not "".join(row).strip():
                continue
            line = reader.line_num
            count = places.get("blendshapecount")
            if count is not None and count < len(row) and row[count].strip() == "0":
                continue
            try:
                texts = [row[places[name.lower()]] for name in COLUMNS if name != "BlendshapeCount"]
            except IndexError:
                raise InputError(path, f"line {line} has {len(row)} columns, too few", _CURE) from None
            codes.append((line, texts[0].strip()))
            values.extend(_numbers(path, line, texts[1:]))
    except csv.Error as error:
        raise InputError(path, f"line {reader.line_num} is no CSV ({error})", _CURE) from error
    if not values:
        raise InputError(path, "it has no row with a face", _CURE)
    return codes, np.array(values).reshape(len(codes), -1)


def _text(path: str | os.PathLike[str]) -> str:
    content = read_limited(path, MAX_BYTES, "Cut it into parts.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(path, f"line {line} is not UTF-8 text", "Save it as UTF-8.") from error


def _places(path: str | os.PathLike[str], header: list[str]) -> dict[str, int]:
    """Position of each column by its name in lower case."""
    names = [name.strip().lower() for name in header]
    missing = [name for name in COLUMNS if name != "BlendshapeCount" and name.lower() not in names]
    if len(missing) == len(COLUMNS) - 1:
        raise InputError(path, "line 1 is not the header Timecode,BlendshapeCount,EyeBlinkLeft,...", _CURE)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(path, f"line 1 lacks the column {', '.join(missing[:3])}{more}", _CURE)
    twice = next((name for name in COLUMNS if names.count(name.lower()) > 1), None)
    if twice is not None:
        raise InputError(path, f"line 1 has the column {twice} twice", _CURE)
    return {name: place for place, name in enumerate(names)}


def _numbers(path: str | os.PathLike[str], line: int, texts: list[str]) -> list[float]:
    numbers = []
    for place, (text, limit) in enumerate(zip(texts, LIMITS, strict=True)):
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not abs(number) <= limit:
            unit = "weights go from 0 to 1" if place < SHAPES else "angles are radians"
            raise InputError(
                path, f"line {line}: {COLUMNS[2:][place]} is {text.strip()[:40]!r}; {unit}", _CURE
            )
        numbers.append(number)
    return numbers


def _seconds(path: str | os.PathLike[str], codes: list[tuple[int, str]], rate: float | None) -> Array:
    """Seconds (T,) since the first row."""
    whole, frames = np.zeros(len(codes)), np.zeros(len(codes))
    for row, (line, code) in enumerate(codes):
        match = _TIMECODE.fullmatch(code)
        if match is None:
            raise InputError(path, f"line {line}: {code[:40]!r} is no time code HH:MM:SS:FF.mmm", _CURE)
        hours, minutes, seconds, frame, part = match.groups()
        whole[row] = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        frames[row] = int(frame) + float(part or 0)
    if rate is None:
        # The largest frame number is one less than the rate, once a second has been counted to its end.
        rate = APP_RATE
        if whole.max() > whole.min() or frames.max() >= APP_RATE:
            rate = next((one for one in RATES if one > np.floor(frames.max())), None)
    if rate is None or frames.max() >= np.floor(rate) + 1:
        line = codes[int(frames.argmax())][0]
        counted = f"{rate:g}" if rate is not None else "any known number of"
        raise InputError(path, f"line {line}: frame {frames.max():.0f} of {counted} frames a second", _CURE)
    seconds = whole + frames / rate
    turned = np.cumsum(np.diff(seconds, prepend=seconds[0]) < -12 * 3600)  # midnight
    seconds = seconds + turned * 24 * 3600
    backwards = np.flatnonzero(np.diff(seconds) <= 0)
    if len(backwards):
        line = codes[int(backwards[0]) + 1][0]
        raise InputError(path, f"line {line}: its time code is not after the one before", _CURE)
    return np.asarray(seconds - seconds[0])
