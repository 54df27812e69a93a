"""Only media files are opened, and only the one that was named."""

import os
import threading

import av
import numpy as np
import pytest

from mimictalk.errors import InputError
from mimictalk.media import open_media


def write_video(path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        container.mux(
            stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24"))
        )
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    "name", ["a.mp4", "é 名.mp4", "concat:a.mp4", "-i", "a;b$(c).mp4", "x\ny.mp4", "a.txt"]
)
def test_any_name_is_only_a_name(here, name):
    write_video(here / "plain.mp4")
    (here / "plain.mp4").rename(here / name)
    with open_media(here / name) as container:
        assert len(list(container.decode(video=0))) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"ffconcat version 1.0\nfile secret.mp4\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        b"not a video at all",
        b"\x00" * 4096,
    ],
)
def test_a_playlist_in_disguise_reads_nothing(here, content):
    write_video(here / "secret.mp4")
    (here / "innocent.mp4").write_bytes(content)
    with pytest.raises(InputError) as caught, open_media(here / "innocent.mp4"):
        pass
    assert str(caught.value) == (
        f"{here / 'innocent.mp4'}: it is not a sound or video file that can be read\n"
        "Convert it to mp4 or wav, or copy it again if it was cut off."
    )


def test_pipes_folders_and_devices_are_refused_without_waiting(here):
    os.mkfifo(here / "pipe.mp4")
    (here / "folder.mp4").mkdir()
    refused = []

    def try_all() -> None:
        for path in (here / "pipe.mp4", here / "folder.mp4", here.__class__("/dev/zero")):
            with pytest.raises(InputError, match="it is not a regular file"), open_media(path):
                pass
            refused.append(path)

    worker = threading.Thread(target=try_all, daemon=True)
    worker.start()
    worker.join(timeout=20)
    assert len(refused) == 3


def test_a_missing_file_is_told(here):
    with pytest.raises(InputError, match="there is no such file"), open_media(here / "gone.mp4"):
        pass


def test_an_empty_file_is_told(here):
    (here / "a.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="the file is empty"), open_media(here / "a.mp4"):
        pass
