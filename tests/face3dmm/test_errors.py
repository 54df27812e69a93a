"""InputError: three parts, three lines, survives a process pool."""

import pickle

from face3dmm import InputError


def test_message_has_subject_cause_and_cure() -> None:
    error = InputError("ref.mp4", "has no video stream", "Give a clip with a picture.")
    assert str(error) == "ref.mp4: has no video stream\nGive a clip with a picture."
    assert isinstance(error, ValueError)


def test_parts_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(InputError("a", "b", "c")))
    assert (error.subject, error.cause, error.cure) == ("a", "b", "c")
