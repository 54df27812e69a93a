"""A queue finds what the tracker finds, picture by picture, and holds few pictures."""

import threading

import numpy as np
import pytest

from face3dmm.detector import LandmarkTracker
from face3dmm.landmark_queue import WAITING, LandmarkQueue


def test_the_same_landmarks_as_one_after_the_other() -> None:
    portrait = pytest.importorskip("skimage.data").astronaut()
    pictures = [np.roll(portrait, 4 * step, axis=1) for step in range(WAITING + 3)]
    pictures.insert(2, pictures[1])  # held
    with LandmarkTracker() as tracker:
        wanted = [tracker(picture)[0] for number, picture in enumerate(pictures) if number != 2]
    wanted.insert(2, wanted[1])
    with LandmarkQueue() as queue:
        for picture in pictures:
            queue.add(picture)
        found = queue.faces()
    assert [len(faces) for faces in found] == [1] * len(pictures)
    np.testing.assert_array_equal([faces[0] for faces in found], wanted)


def test_a_slow_network_makes_the_caller_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    go, looked = threading.Event(), []

    def slow(self: LandmarkTracker, picture: np.ndarray) -> list[np.ndarray]:
        go.wait(10)
        looked.append(int(picture[0, 0, 0]))
        return []

    monkeypatch.setattr(LandmarkTracker, "__call__", slow)
    with LandmarkQueue() as queue:

        def fill() -> None:
            for number in range(WAITING + 2):
                queue.add(np.full((8, 8, 3), number, np.uint8))
            done.set()

        done = threading.Event()
        filling = threading.Thread(target=fill)
        filling.start()
        assert not done.wait(0.2)
        assert looked == []
        go.set()
        filling.join()
        assert queue.faces() == [[]] * (WAITING + 2)
    assert looked == list(range(WAITING + 2))


def test_an_error_of_the_network_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: LandmarkTracker, picture: np.ndarray) -> list[np.ndarray]:
        raise RuntimeError("graph has errors")

    monkeypatch.setattr(LandmarkTracker, "__call__", broken)
    with LandmarkQueue() as queue:
        queue.add(np.zeros((8, 8, 3), np.uint8))
        with pytest.raises(RuntimeError, match="graph has errors"):
            queue.faces()
