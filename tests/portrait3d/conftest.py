"""Fixtures: the tiny portrait and the ball clip of tests/support/ball_portrait.py."""

import pytest
import torch

from ball_portrait import TINY, ball_clip
from portrait3d.clip import PortraitClip
from portrait3d.model import Portrait3D


@pytest.fixture
def clip() -> PortraitClip:
    return ball_clip()


@pytest.fixture
def portrait() -> Portrait3D:
    torch.manual_seed(0)
    return Portrait3D(TINY)
