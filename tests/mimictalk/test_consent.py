"""Consent: asked once, recorded in words or as a file's sha256; nobody to ask is an error that says how."""

import hashlib
import io
from pathlib import Path

import pytest

from mimictalk.consent import obtain_consent
from mimictalk.console import Console
from mimictalk.errors import InputError

CLIP = Path("ref.mp4")


class Terminal(io.StringIO):
    """Somebody sits before it."""

    def isatty(self) -> bool:
        return True


def console(monkeypatch, answer: str, **options) -> Console:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    return Console(err=Terminal(), **options)


def test_a_statement_is_recorded_with_its_time(here):
    told = obtain_consent("  I am the\nperson shown. ", CLIP, Console(err=io.StringIO()))
    assert told["statement"] == "I am the person shown."
    assert told["recorded"].endswith("+00:00")


def test_of_a_file_the_sha256_is_recorded(here):
    (here / "agreed.txt").write_text("I agree. Maria")
    told = obtain_consent("agreed.txt", CLIP, Console(err=io.StringIO()))
    assert told["statement"] == "file agreed.txt"
    assert told["sha256"] == hashlib.sha256(b"I agree. Maria").hexdigest()
    (here / "agreed.txt").write_text("")
    with pytest.raises(InputError, match="is empty"):
        obtain_consent("agreed.txt", CLIP, Console(err=io.StringIO()))


def test_the_question_names_the_clip_and_the_answer_counts(here, monkeypatch):
    asking = console(monkeypatch, "Maria agreed to lectures.\nnot this\n")
    assert obtain_consent(None, CLIP, asking)["statement"] == "Maria agreed to lectures."
    assert "ref.mp4" in asking.err.getvalue()
    assert "agree" in asking.err.getvalue()


@pytest.mark.parametrize("answer", ["", "\n", "   \n"])
def test_no_answer_stops(here, monkeypatch, answer):
    with pytest.raises(InputError, match="no avatar is made"):
        obtain_consent(None, CLIP, console(monkeypatch, answer))


@pytest.mark.parametrize("why", ["json", "no terminal"])
def test_nobody_to_ask_is_an_error_that_says_how(here, monkeypatch, why):
    asking = console(monkeypatch, "yes\n", json=why == "json")
    if why == "no terminal":
        asking.err = io.StringIO()
    with pytest.raises(InputError) as caught:
        obtain_consent(None, CLIP, asking)
    assert caught.value.exit_code == 2
    assert '--consent "' in caught.value.cure
    assert "--consent FILE" in caught.value.cure


def test_a_letter_is_not_a_statement(here):
    with pytest.raises(InputError, match="too long"):
        obtain_consent("x" * 2001, CLIP, Console(err=io.StringIO()))


def test_adapt_without_consent_does_nothing(cli, here):
    (here / "ref.mp4").write_bytes(b"frames")
    ran = cli("adapt", "ref.mp4")
    assert ran.code == 2
    assert ran.err == (
        "--consent: nothing says that the person shown agreed to an avatar\n"
        'Add --consent "I am the person shown and I agree.", or --consent FILE with their statement.\n'
    )
    assert [entry.name for entry in here.iterdir()] == ["ref.mp4"]
