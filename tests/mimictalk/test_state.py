"""The avatar adapted last is the one that render takes."""

import pytest

from mimictalk.errors import InputError
from mimictalk.state import last_avatar, remember_avatar, state_folder


def test_state_folder_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "mimictalk"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/paths/are/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder() == tmp_path / ".local" / "state" / "mimictalk"


def test_nothing_adapted_yet():
    with pytest.raises(InputError) as caught:
        last_avatar()
    assert str(caught.value) == (
        "avatar: none was named and none has been adapted yet\n"
        "Name one: mimictalk render FOLDER --audio SPEECH; or make one: mimictalk adapt REF.mp4"
    )


def test_the_last_one_is_remembered_from_anywhere(here, monkeypatch, tmp_path):
    for name in ("one", "two"):
        (here / name).mkdir()
        remember_avatar(here / name)
    monkeypatch.chdir(tmp_path)
    assert last_avatar() == here / "two"


def test_a_folder_that_is_gone_is_told(here):
    (here / "me").mkdir()
    remember_avatar(here / "me")
    (here / "me").rmdir()
    with pytest.raises(InputError, match="the avatar adapted last is no longer there"):
        last_avatar()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"avatar": 3}', "\x00"])
def test_a_damaged_state_file_is_as_good_as_none(content):
    state_folder().mkdir(parents=True)
    (state_folder() / "last.json").write_text(content)
    with pytest.raises(InputError, match="none has been adapted yet"):
        last_avatar()
