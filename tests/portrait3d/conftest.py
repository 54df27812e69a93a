"""Fixtures: the tiny portrait and the ball clip of tests/support/ball_portrait.py."""

import pytest
import torch

from ball_portrait import TINY, ball_clip
from bent_torso import BentTorso
from portrait3d.clip import PortraitClip
from portrait3d.model import Portrait3D


@pytest.fixture
def clip() -> PortraitClip:
    return ball_clip()


@pytest.fixture
def portrait() -> Portrait3D:
    torch.manual_seed(0)
    return Portrait3D(TINY)


@pytest.fixture(params=[0, 70, 128], ids=["from the top", "from the middle", "no torso"])
def bent_torso(request) -> BentTorso:
    return BentTorso.from_row(request.param)
