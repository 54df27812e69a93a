"""Only local regular files of listed kinds are opened, and damage is survived."""

import os
import random
from pathlib import Path

import pytest

from face3dmm import InputError, decoding, open_video
from face3dmm.decoding import Decoder, open_container
from numbered_clips import number_in, numbered_clip

TIMES = [k / 25 for k in range(50)]


def refusal(path: str | Path) -> str:
    with pytest.raises(InputError) as caught:
        open_video(path)
    assert str(caught.value).count("\n") == 1
    return caught.value.cause


def test_missing_names_are_only_names(tmp_path: Path) -> None:
    numbered_clip(tmp_path / "clip.mp4", TIMES)
    inside = tmp_path / "clip.mp4"
    for name in (
        tmp_path / "none.mp4",
        f"concat:{inside}|{inside}",
        f"file:{inside}",
        "http://127.0.0.1:9/a.mp4",
    ):
        assert refusal(name) == "there is no such file"
    assert refusal("a\0b") == "there is no such file"


def test_folders_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "folder" in refusal(tmp_path)
    assert "pipe" in refusal(tmp_path / "pipe.mp4")
    assert "device" in refusal("/dev/null")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    assert refusal(tmp_path / "a.mp4") == "the file is empty"


@pytest.mark.parametrize(
    "text",
    [
        "just text",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nclip.mp4\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile clip.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    ],
)
def test_a_playlist_named_mp4_does_not_reach_its_neighbours(tmp_path: Path, text: str) -> None:
    numbered_clip(tmp_path / "clip.mp4", TIMES)
    (tmp_path / "list.mp4").write_text(text)
    assert "not a video" in refusal(tmp_path / "list.mp4")


def test_a_container_without_its_index(tmp_path: Path) -> None:
    whole = numbered_clip(tmp_path / "clip.mp4", TIMES).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: whole.index(b"moov") - 4])
    assert "cut off" in refusal(tmp_path / "cut.mp4")


def test_limits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = numbered_clip(tmp_path / "clip.mp4", TIMES)
    monkeypatch.setattr(decoding, "MAX_SECONDS", 1.0)
    assert "the limit is" in refusal(path)
    assert len(list(open_video(path, max_seconds=0.4))) == 10
    monkeypatch.setattr(decoding, "MAX_PIXELS", 1000)
    assert "160x96 is more than the limit" in refusal(path)


def test_unlisted_codecs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = numbered_clip(tmp_path / "clip.mp4", TIMES)
    monkeypatch.setattr(decoding, "CODECS", ("hevc",))
    assert refusal(path) == "its video codec 'h264' is not supported"


def test_damaged_data_is_skipped_and_told(tmp_path: Path) -> None:
    data = bytearray(numbered_clip(tmp_path / "clip.mp4", TIMES).read_bytes())
    start = data.index(b"mdat") + 4
    middle = start + (data.index(b"moov") - start) // 2
    data[middle : middle + 400] = random.Random(0).randbytes(400)
    (tmp_path / "bad.mp4").write_bytes(data)
    reader = open_video(tmp_path / "bad.mp4")
    numbers = [number_in(picture) for picture in reader]
    assert len(numbers) == 50
    assert numbers[:10] == list(range(10))
    assert any("damaged" in text for text in reader.warnings)


def test_a_missing_end_is_told(tmp_path: Path) -> None:
    from av import open as open_any

    whole = numbered_clip(tmp_path / "clip.mp4", TIMES)
    moved = tmp_path / "front.mp4"  # the same packets, index first
    with (
        open_any(str(whole)) as source,
        open_any(str(moved), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = moved.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    (tmp_path / "cut.mp4").write_bytes(data[: data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2])
    reader = open_video(tmp_path / "cut.mp4")
    numbers = [number_in(picture) for picture in reader]
    assert numbers[:10] == list(range(10))
    assert len(numbers) < 40
    assert any("cut off" in text and "of 2.0 s" in text for text in reader.warnings)


def test_decoder_stops_at_its_limit(tmp_path: Path) -> None:
    with open_container(numbered_clip(tmp_path / "clip.mp4", [k / 25 for k in range(100)])) as container:
        times = [time for time, _ in Decoder(container, 1.0)]
    assert 1.0 <= times[-1] <= 2.1
