"""The torso behind the head, column by column."""

import numpy as np
import pytest
import torch

from portrait3d.full.torso_inpainting import DARKER, extend_upwards, source_torso

SIZE = 128
ROWS, COLUMNS = np.mgrid[0:SIZE, 0:SIZE]
HEAD = (ROWS >= 10) & (ROWS < 80) & (np.abs(COLUMNS - 64) < 30)
NECK = (ROWS >= 80) & (ROWS < 100) & (np.abs(COLUMNS - 64) < 12)
CLOTHES = (ROWS >= 80) & ~NECK & (np.abs(COLUMNS - 64) < 50) & (ROWS >= 80)


def stripes() -> np.ndarray:
    """Every column of one colour, so that stretching upwards only darkens."""
    colours = np.random.default_rng(0).integers(120, 256, (SIZE, 3))
    return np.broadcast_to(colours, (SIZE, SIZE, 3)).astype(np.uint8)


def test_clothes_and_neck_reach_as_far_as_published() -> None:
    picture, mask = extend_upwards(stripes(), NECK, CLOTHES, HEAD)
    grown = 80 - 3  # the neck's mask grows by three pixels, its colour is taken four below that edge
    start = grown + 4
    assert mask[:, 64].nonzero()[0].min() == start - 52
    assert mask[:, 40].nonzero()[0].min() == 80 - 8
    # Away from the head nothing grows.
    assert mask[:, 20].nonzero()[0].min() == 80
    assert np.array_equal(mask[:, 20], CLOTHES[:, 20])
    expected = stripes()[0, 40] * DARKER**8
    assert np.abs(picture[72, 40] - expected).max() <= 1


def test_the_neck_is_blurred_across_and_darkens_upwards() -> None:
    picture, _ = extend_upwards(stripes(), NECK, CLOTHES, HEAD)
    roughness = np.abs(np.diff(picture[60, 55:74].astype(int), axis=0)).mean()
    assert roughness < 0.5 * np.abs(np.diff(stripes()[0, 55:74].astype(int), axis=0)).mean()
    ratio = picture[40, 60:68].mean() / picture[70, 60:68].mean()
    assert ratio == pytest.approx(DARKER**30, rel=0.03)


def test_a_part_at_the_upper_edge_stays_inside_the_picture() -> None:
    head = ROWS < 3
    neck = (ROWS >= 3) & (ROWS < 60) & (np.abs(COLUMNS - 64) < 12)
    picture, mask = extend_upwards(stripes(), neck, np.zeros_like(neck), head)
    assert mask[:3, 64].all()
    assert not mask[70:].any()
    assert not mask[:, 30].any()
    assert picture.shape == (SIZE, SIZE, 3)


def test_no_head_over_the_torso_adds_nothing() -> None:
    _, mask = extend_upwards(stripes(), np.zeros_like(HEAD), CLOTHES, np.zeros_like(HEAD))
    assert np.array_equal(mask, CLOTHES)


def test_the_three_kinds() -> None:
    frame = torch.from_numpy(stripes().copy())
    neck, clothes, head = (torch.from_numpy(m.astype(np.uint8) * 255) for m in (NECK, CLOTHES, HEAD))
    kinds = {
        kind: source_torso(frame, neck, clothes, head, kind) for kind in ("vertical", "push_pull", "none")
    }
    torso = torch.from_numpy(NECK | CLOTHES)
    true = (frame.permute(2, 0, 1).float() / 127.5 - 1).where(torso, torch.tensor(-1.0))
    torch.testing.assert_close(kinds["none"], true)
    for picture in kinds.values():
        assert picture.shape == (3, SIZE, SIZE) and picture.min() >= -1 and picture.max() <= 1
        torch.testing.assert_close(picture[:, 105:], true[:, 105:], rtol=0, atol=1e-2)
        assert torch.equal(picture[:, :5], true[:, :5])
    hidden = kinds["none"][:, 70, 60:68]
    assert (hidden == -1).all()
    assert (kinds["vertical"][:, 70, 60:68] > -1).all() and (kinds["push_pull"][:, 70, 60:68] > -1).all()
    with pytest.raises(ValueError, match="'lama'"):
        source_torso(frame, neck, clothes, head, "lama")  # type: ignore[arg-type]
