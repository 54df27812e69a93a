"""Time stamps to an even grid."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from face3dmm.timing import best_phase, on_grid, resample


def shown(times: list[float], phase: float = 0.0, last: float = 0.04, fps: float = 25.0) -> list[int]:
    return list(resample(zip(times, range(len(times)), strict=True), fps, phase, lambda: last))


def test_regular_frames_pass_once_each() -> None:
    assert shown([k / 25 for k in range(10)]) == list(range(10))


def test_start_time_does_not_matter() -> None:
    assert shown([7.3 + k / 25 for k in range(10)]) == list(range(10))


def test_thirty_to_twenty_five_drops_every_sixth() -> None:
    # The grid 0, 40, 80, 120, 160, 200 ms lies nearest to frames 0, 1, 2, 4 (133 ms), 5 (167 ms), 6.
    assert shown([k / 30 for k in range(13)], last=1 / 30) == [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12]


def test_fifty_to_twenty_five_takes_every_second() -> None:
    assert shown([k / 50 for k in range(10)], last=0.02) == [0, 2, 4, 6, 8]


def test_a_gap_holds_the_frame_before_it_to_its_end() -> None:
    assert shown([0.0, 0.04, 0.20]) == [0, 1, 1, 1, 1, 2]


def test_last_frame_stays_as_long_as_it_says() -> None:
    assert shown([0.0, 0.04], last=0.2) == [0, 1, 1, 1, 1, 1]


def test_one_frame_is_given_once_even_without_a_length() -> None:
    assert shown([3.0], last=0.0) == [0]


def test_nothing_gives_nothing() -> None:
    assert shown([]) == []


def test_times_that_go_back_are_skipped() -> None:
    assert shown([0.0, 0.04, 0.02, 0.04, 0.08]) == [0, 1, 4]


@given(st.lists(st.floats(0.001, 0.3), min_size=1, max_size=60))
def test_count_is_the_length_and_order_is_kept(gaps: list[float]) -> None:
    times = [sum(gaps[:k]) for k in range(len(gaps))]
    numbers = shown(times, last=gaps[-1])
    assert numbers == sorted(numbers)
    assert abs(len(numbers) - 25 * sum(gaps)) <= 1
    for k, number in enumerate(numbers):  # nothing is shown more than half a period before its time
        assert times[number] <= k / 25 + 0.02


def test_on_grid() -> None:
    assert on_grid([5.0, 5.04, 5.12])
    assert not on_grid([0.0, 1 / 30])


@pytest.mark.parametrize("doubled", range(6))
def test_doubled_frames_are_found_wherever_they_are(doubled: int) -> None:
    """25 fps footage in 30 fps: slot k shows picture floor-like, one slot in six repeats the one before."""
    times = [k / 30 for k in range(150)]
    pictures, picture = [], -1
    for k in range(150):
        picture += k == 0 or k % 6 != doubled
        pictures.append(picture)
    changes = [0.0] + [float(b != a) for a, b in pairwise(pictures)]
    phase = best_phase(times, changes)
    slots = shown(times, phase, last=1 / 30)
    seen = [pictures[slot] for slot in slots]
    assert seen[:100] == list(range(100))
    assert abs(phase) <= 0.02


def test_true_thirty_keeps_the_first_frame_in_place() -> None:
    times = [k / 30 for k in range(150)]
    assert best_phase(times, [0.0] + [1.0] * 149) == 0.0


def test_regular_video_has_no_phase() -> None:
    assert best_phase([k / 25 for k in range(30)], [0.0] + [1.0] * 29) == 0.0
