"""Media that are not part of the repository."""

import os
from pathlib import Path

import pytest

MEDIA = Path(os.environ.get("MIMICTALK_MEDIA", Path(__file__).resolve().parents[3] / "shared" / "media"))


@pytest.fixture
def media() -> Path:
    """Clips to test with."""
    if not MEDIA.is_dir():
        pytest.skip(f"no media in {MEDIA}: set MIMICTALK_MEDIA")
    return MEDIA
