"""The watermark on recorded clips of people: none where none was put, found after coding where one was."""

import itertools

import av
import numpy as np
import pytest

from mimictalk.mark_reading import read_marks
from mimictalk.watermark import Watermark
from mimictalk.watermark_detection import detect

PAYLOAD = 0x0123456789ABCDEF
CLIPS = (
    "drive_video_headturns_silenttrack_12s.mp4",
    "drive_video_portrait720_noaudio_12s.mp4",
    "ref_f_crop512_24s.mp4",
    "ref_f_landscape_24s.mp4",
    "ref_m_french_50s.mp4",
    "ref_m_german_20s.mp4",
    "ref_m_synthetic_15s.mp4",
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", CLIPS)
def test_a_recorded_clip_carries_none(media, name):
    found = read_marks(media / name, frames=250)
    assert found.watermark.payload is None
    assert not found.synthetic


@pytest.mark.parametrize("name", CLIPS)
def test_it_is_found_in_a_recorded_clip_at_crf_28_and_three_quarters_of_its_size(media, here, name):
    watermark = Watermark(PAYLOAD)
    with av.open(str(media / name)) as source, av.open(str(here / "out.mp4"), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width = stream.height = 384
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "28"}
        for frame in itertools.islice(source.decode(video=0), 64):
            picture = frame.reformat(width=512, height=512, format="rgb24").to_ndarray()
            marked = av.VideoFrame.from_ndarray(np.ascontiguousarray(watermark.embed(picture)), "rgb24")
            target.mux(stream.encode(marked.reformat(width=384, height=384, format="yuv420p")))
        target.mux(stream.encode(None))
    with av.open(str(here / "out.mp4")) as container:
        found = detect(frame.to_ndarray(format="gray") for frame in container.decode(video=0))
    assert found.payload == PAYLOAD
    assert abs(found.scale - 0.75) < 0.005
