"""Windows: they cover everything, and a clip in windows is the clip."""

from itertools import pairwise

import pytest
import torch

from talk_motion.windows import blended_velocity, window_starts


@pytest.mark.parametrize("frames", [1, 99, 200, 201, 350, 351, 1000, 12345])
def test_windows_cover_all_frames_and_overlap_enough(frames: int) -> None:
    starts = window_starts(frames, 200, 50)
    covered = torch.zeros(max(frames, 200), dtype=torch.bool)
    for start in starts:
        covered[start : start + 200] = True
    assert covered[:frames].all()
    assert starts[0] == 0
    if frames > 200:
        assert starts[-1] == frames - 200
        assert all(200 - (b - a) >= 49 for a, b in pairwise(starts))


def test_a_field_that_looks_at_one_frame_is_not_changed_by_windows() -> None:
    x = torch.randn(730, 3, generator=torch.Generator().manual_seed(0))
    field = blended_velocity(lambda v, starts, t: torch.sin(v) + t, 730, 200, 50, batch=2)
    torch.testing.assert_close(field(x, 0.5), torch.sin(x) + 0.5)


def test_disagreeing_windows_fade_into_each_other() -> None:
    # Each window says its own first frame; the blend must go from one to the next in small steps.
    def velocity(v: torch.Tensor, starts: list[int], t: float) -> torch.Tensor:
        return torch.tensor(starts, dtype=torch.float)[:, None, None].expand_as(v)

    out = blended_velocity(velocity, 500, 200, 50)(torch.zeros(500, 1), 0.0)[:, 0]
    assert out[0] == 0
    assert out[-1] == 300
    assert out.diff().abs().max() <= 150 / 50 * 1.1


def test_overlap_must_fit() -> None:
    with pytest.raises(ValueError, match="200"):
        window_starts(500, 200, 200)
