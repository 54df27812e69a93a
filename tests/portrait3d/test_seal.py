"""A description that quotes another sealed one is sealed by its own seal."""

import json

import pytest

from portrait3d.errors import InputError
from portrait3d.seal import intact, read_sealed_json, sealed_json


def test_a_description_may_hold_another_with_its_seal(tmp_path) -> None:
    inner = json.loads(sealed_json({"stage": "i2p"}))
    outer = sealed_json({"stage": "motion", "start": inner})
    assert intact(outer)
    path = tmp_path / "small.json"
    path.write_bytes(outer)
    assert read_sealed_json(path, "") == {"stage": "motion", "start": inner}
    path.write_bytes(outer.replace(b"i2p", b"i3p"))
    with pytest.raises(InputError, match="altered"):
        read_sealed_json(path, "")
