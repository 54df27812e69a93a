"""`evaluate`: what it refuses before any work. tests/mimictalk/evaluating/test_whole.py runs it."""

from pathlib import Path

import pytest

from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.evaluate_job import EvaluateSettings, check_folder, evaluate


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"avatar": Path("me"), "video": Path("a.mp4")}, "exclude each other"),
        ({"first_frame": True, "video": Path("a.mp4")}, "exclude each other"),
        ({"first_frame": True, "protocol": "cross"}, "shows the very person"),
        ({"protocol": "both"}, "'both' is unknown"),
        ({"source": Path("b.mp4")}, "the clip itself shows the person"),
        ({"begin": -1.0}, "-1 s is before the beginning"),
    ],
)
def test_wrong_settings(wrong, said):
    with pytest.raises(InputError, match=said):
        EvaluateSettings(Path("clip.mp4"), **wrong)


def test_nothing_but_an_evaluation_is_replaced(tmp_path):
    folder = tmp_path / "new"
    check_folder(folder)
    folder.mkdir()
    check_folder(folder)
    (folder / "evaluation.json").write_text('{"kind": "diary"}')
    with pytest.raises(InputError, match="is not an evaluation"):
        check_folder(folder)
    (folder / "evaluation.json").write_text('{"kind": "mimictalk-evaluation"}')
    check_folder(folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is not an evaluation"):
        check_folder(tmp_path / "file")


def test_a_missing_weights_file_is_told_before_any_work(here):
    settings = EvaluateSettings(Path("clip.mp4"), video=Path("a.mp4"), arcface=Path("none.pth"))
    with pytest.raises(Exception, match=r"none\.pth: there is no such file"):
        evaluate(settings, Console(quiet=True))
    assert not list(here.iterdir())
