"""The error's three parts."""

import pytest

from talk_motion import InputError


def test_message_is_subject_cause_cure() -> None:
    error = InputError("speech.wav", "the file is empty", "Record it again.")
    assert str(error) == "speech.wav: the file is empty\nRecord it again."
    assert (error.subject, error.cause, error.cure) == ("speech.wav", "the file is empty", "Record it again.")
    with pytest.raises(ValueError, match="empty"):
        raise error
