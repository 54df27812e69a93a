"""Every error that is explained has a code, a cause and a cure, in three lines at most."""

import json
import re
from importlib.resources import files

import pytest

import error_codes as tool
from mimictalk.error_codes import code_of, pattern
from mimictalk.errors import InputError, RunError, explain

LISTED = json.loads((files("mimictalk") / "data" / "error_codes.json").read_text(encoding="utf-8"))
LIVING = {code: item for code, item in LISTED.items() if not item.get("retired")}
WITHOUT_CURE = {"mimictalk.cli", "mimictalk.errors"}  # a bug has none but --debug


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_list_and_page_are_those_of_the_source():
    codes = tool.numbered(LISTED, tool.places())
    assert json.loads(json.dumps(codes)) == LISTED, "run  python tools/error_codes.py"
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page(codes), "run  python tools/error_codes.py"


@pytest.mark.parametrize("code", LIVING)
def test_each_text_is_short_and_whole(code):
    item = LIVING[code]
    assert re.fullmatch(r"MT-(FACE|RAYS|HEAD|TALK|ADAPT|APP)-\d{3}", code)
    assert item["cause"].strip()
    assert item["cure"].strip() or item["module"] in WITHOUT_CURE
    for text in (item["cause"], *item["cure"].split(" / ")):
        assert "\n" not in text
        assert len(text) <= 200
    assert not item["cause"].endswith(".") or item["cause"].endswith("...")
    assert item["exit"] in (1, 2)


def test_an_error_finds_its_code_by_where_and_what():
    from face3dmm import FaceTrack

    with pytest.raises(ValueError) as caught:
        FaceTrack.load("no_such_file")
    known = explain(caught.value)
    assert known is not None
    assert LISTED[known.code]["module"] == "face3dmm.files"
    assert pattern(LISTED[known.code]["cause"]).fullmatch(known.cause)


def test_errors_of_the_system_have_codes_too():
    known = explain(raised(OSError(28, "no space", "a.mp4")))
    assert isinstance(known, RunError)
    assert LISTED[known.code]["cause"] == "the disk is full"


def test_words_that_nobody_says_have_no_code():
    assert code_of("the moon is not made of cheese, we are sorry to say", None) == ""


def test_the_code_is_printed_last_and_told_to_machines(cli):
    ran = cli("check", "no_such.mp4", "--json")
    assert ran.code == 2
    assert len(ran.error_codes) == 1
    assert ran.json["error"]["code"] == ran.error_codes[0]
    assert LISTED[ran.error_codes[0]]["exit"] == 2


def test_wrong_use_has_a_code(cli):
    assert LISTED[cli("check").error_codes[0]]["module"] == "mimictalk.cli"


def test_codes_survive_changed_words_and_are_never_given_twice():
    old = {
        "MT-APP-001": {"module": "mimictalk.a", "cause": "the file is empty", "cure": "Copy it.", "exit": 2}
    }
    new = {"module": "mimictalk.a", "cause": "the file {} is empty", "cure": "Copy it.", "exit": 2}
    assert list(tool.numbered(old, [new])) == ["MT-APP-001"]
    other = {"module": "mimictalk.b", "cause": "seven of nine", "cure": "x", "exit": 2}
    codes = tool.numbered(old, [other])
    assert codes["MT-APP-001"]["retired"]
    assert codes["MT-APP-002"] == other
    assert "MT-APP-003" in tool.numbered(codes, [other, {**new, "cause": "!?"}])


def test_the_innermost_of_our_modules_counts():
    error = InputError("x", "there is no such file", "Check the name.")
    assert explain(raised(error)) is error
    assert LISTED[error.code]["cause"] == "there is no such file"
