"""track --overlay: refusals before any work, and a video as long as the track."""

from pathlib import Path

import numpy as np
import pytest
import torch

from face3dmm import FaceCoeffs, FaceTrack
from mimictalk.errors import InputError
from mimictalk.overlay_video import check_overlay, write_overlay
from mimictalk.video_writer import VideoWriter


def test_names_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    for path, cause in ((tmp_path / "a.avi", "mp4 video"), (clip, "overwrite its own input")):
        with pytest.raises(InputError, match=cause):
            check_overlay(path, clip)
    (tmp_path / "b.mp4").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        check_overlay(tmp_path / "b.mp4", clip)
    assert check_overlay(tmp_path / "c.mp4", clip) == tmp_path / "c.mp4"


def test_every_tracked_frame_is_drawn_once(tmp_path: Path) -> None:
    import av

    count = 21
    with VideoWriter(tmp_path / "clip.mp4", None, leader="picture", metadata={}) as writer:
        for _ in range(count + 4):
            writer.write(np.full((512, 512, 3), 90, np.uint8))
    zero = torch.zeros(count, 3)
    coeffs = FaceCoeffs(
        torch.zeros(80), torch.zeros(count, 64), zero, zero, torch.zeros(count, 2), torch.ones(count)
    )
    track = FaceTrack(
        coeffs, torch.full((count, 478, 3), 200.0), torch.zeros(count, 4), "0" * 64, (0, 0, 512)
    )
    told = []
    write_overlay(tmp_path / "seen.mp4", tmp_path / "clip.mp4", track, lambda *say: told.append(say[:3]))
    with av.open(str(tmp_path / "seen.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == count
    assert told[-1] == ("overlay", count, count)
    assert float((np.abs(frames[10].astype(int) - 90) > 30).mean()) > 0.01
