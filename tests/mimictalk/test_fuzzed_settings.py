"""Whatever is typed as a setting or stands in a small file: it is taken, or refused in words."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimictalk.durations import parse_duration
from mimictalk.errors import InputError, MimictalkError, explain
from mimictalk.manifest import Manifest
from mimictalk.motion_job import MotionSettings

FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["1h", "-1s", "nan", "inf", "1e400", "0x10", "１２s", "9" * 400]
)
# Training flushes denormal numbers to zero, for the whole process.
NUMBERS = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def explained(error: Exception) -> None:
    known = explain(error)
    assert isinstance(known, MimictalkError), repr(error)
    assert known.cause
    assert known.cure
    assert len(str(known).splitlines()) <= 3


@FEW
@given(TEXTS)
def test_lengths_of_time(text):
    try:
        seconds = parse_duration(text, "--first")
    except InputError as error:
        explained(error)
    else:
        assert seconds > 0
        assert math.isfinite(seconds)


@FEW
@given(style=NUMBERS, temperature=NUMBERS, seed=st.integers(), pose=st.text(max_size=12))
def test_settings_of_motion(style, temperature, seed, pose):
    try:
        MotionSettings(
            audio=Path("a.wav"), style_strength=style, temperature=temperature, seed=seed, pose=pose
        )
    except InputError as error:
        explained(error)
    else:
        assert 0 <= style <= 4 and 0 <= temperature <= 2 and 0 <= seed < 2**63
        assert not math.isnan(style + temperature)


@FEW
@given(st.binary(max_size=200) | JSON.map(lambda content: json.dumps(content).encode()))
def test_manifests(text):
    with pytest.raises(InputError) as caught:
        Manifest.from_json(text, Path("avatar.json"))
    explained(caught.value)


@FEW
@given(
    st.sampled_from([".json", ".npz", ".csv"]),
    st.binary(max_size=300) | JSON.map(lambda c: json.dumps(c).encode()),
)
def test_motion_files(tmp_path, suffix, content):
    from face3dmm import read_live_link, read_motion_json, read_motion_npz

    path = tmp_path / f"given{suffix}"
    path.write_bytes(content)
    reader = {".json": read_motion_json, ".npz": read_motion_npz, ".csv": read_live_link}[suffix]
    with pytest.raises(ValueError) as caught:
        reader(path)
    explained(caught.value)


@FEW
@given(
    st.sampled_from([".jsonl", ".csv"]),
    st.binary(max_size=200)
    | st.lists(JSON, max_size=3).map(lambda rows: "\n".join(map(json.dumps, rows)).encode()),
)
def test_lists_of_jobs(tmp_path, suffix, content):
    from mimictalk.batch_list import read_jobs

    path = tmp_path / f"jobs{suffix}"
    path.write_bytes(content)
    try:
        read_jobs(path)
    except Exception as error:
        caught = error
    else:
        return
    explained(caught)
