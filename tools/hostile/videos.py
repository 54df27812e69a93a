"""Bad videos: no face is in any of them, so even a whole one is refused, but always with a reason.

`check` meets them, which looks at a clip as `adapt` does before it trains.
"""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from hostile import damage
from hostile.case import FILE, REFUSED, Case, content
from hostile.recordings import picture, sound_file, tone, video, wav

CHECK = ("check", FILE, "--quiet")


def cases() -> Iterator[Case]:
    """All of them."""
    for name, data in _texts().items():
        yield _case(f"{name}.mp4", content(data), quick=name in _QUICK)
    for share in range(1, 21):
        yield _case(
            f"index missing, {5 * share - 3} percent.mp4",
            lambda path, s=share: path.write_bytes(damage.cut(video(), s / 20 - 0.03)),
        )
    fast = (("movflags", "faststart"),)
    for share in range(1, 11):
        yield _case(
            f"cut off, {10 * share - 3} percent.mp4",
            lambda path, s=share: path.write_bytes(damage.cut(video(muxer=fast), s / 10 - 0.03)),
        )
    for seed in range(12):
        yield _case(
            f"bits flipped in the index {seed}.mp4",
            lambda path, s=seed: path.write_bytes(damage.flipped(video(), s, 4, len(video()) - 3000)),
        )
        yield _case(
            f"bits flipped in the pictures {seed}.mp4",
            lambda path, s=seed: path.write_bytes(damage.flipped(video(), s, 40, 200)),
        )
    for name, edit in _edits().items():
        yield _case(f"{name}.mp4", lambda path, e=edit: path.write_bytes(e(video())))
    for name, (make, word) in _odd().items():
        yield _case(name, lambda path, m=make: path.write_bytes(m()), word)
    yield from _files()


def _case(
    name: str, build: Callable[[Path], object], word: str = "", quick: bool = False, **more: str
) -> Case:
    return Case("video", name, build, CHECK, REFUSED, word, quick=quick, **more)


_QUICK = ("nothing", "a text", "ffconcat", "HLS", "DASH", "SDP", "a picture as PNG", "zeros")


def _texts() -> dict[str, bytes]:
    """What is no video at all."""
    return {
        "nothing": b"",
        "one byte": b"\0",
        "seven bytes": b"\0\0\0\x18fty",
        "a text": b"This is not a video.\n" * 40,
        "zeros": bytes(4096),
        "ones": b"\xff" * 4096,
        "noise": damage.flipped(bytes(8192), 0, 30_000),
        "ffconcat": b"ffconcat version 1.0\nfile secret.mp4\n",
        "ffconcat, far away": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "HLS": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n",
        "HLS to an address": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
        "DASH": b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
        "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
        "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
        "JSON": b'{"error": "not found"}',
        "terminal art": b"\x1b[31mHELLO\x1b[0m\n" * 30,
        "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
        "metadata": b";FFMETADATA1\ntitle=x\n",
        "a picture as SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        "a picture as PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "a picture as JPEG": b"\xff\xd8\xff\xe0" + bytes(100),
        "a picture as GIF": b"GIF89a" + bytes(100),
        "a picture as WebP": b"RIFF\x40\0\0\0WEBPVP8 " + bytes(64),
        "a program": b"\x7fELF" + bytes(500),
        "a document": b"%PDF-1.7\n" + bytes(500),
        "an archive": b"PK\x03\x04" + bytes(500),
        "a pickle": b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
    }


def _edits() -> dict[str, Callable[[bytes], bytes]]:
    """Index boxes that lie."""
    number, size, name = damage.box_number, damage.box_size, damage.renamed
    return {
        "lasts a billion seconds": lambda data: number(data, b"mvhd", 16, 0xFFFFFFFF),
        "time scale 0": lambda data: number(data, b"mvhd", 12, 0),
        "track's time scale 0": lambda data: number(data, b"mdhd", 12, 0),
        "track's time scale huge": lambda data: number(data, b"mdhd", 12, 0xFFFFFFFF),
        "track lasts for ever": lambda data: number(data, b"mdhd", 16, 0xFFFFFFFF),
        "no sample": lambda data: number(data, b"stsz", 8, 0),
        "four billion samples": lambda data: number(data, b"stsz", 8, 0xFFFFFFFF),
        "all samples huge": lambda data: number(data, b"stsz", 4, 0x7FFFFFFF),
        "no chunk": lambda data: number(data, b"stco", 4, 0),
        "four billion chunks": lambda data: number(data, b"stco", 4, 0xFFFFFFFF),
        "chunks beyond the end": lambda data: number(data, b"stco", 8, 0x7FFFFFF0),
        "chunks in the index": lambda data: number(data, b"stco", 8, 4),
        "no time": lambda data: number(data, b"stts", 4, 0),
        "samples without end": lambda data: number(data, b"stts", 8, 0xFFFFFFFF),
        "frames a day apart": lambda data: number(data, b"stts", 12, 0x7FFFFFFF),
        "no map of chunks": lambda data: number(data, b"stsc", 4, 0),
        "0 pixels wide": lambda data: number(data, b"avc1", 24, 0, 2),
        "65535 pixels wide": lambda data: number(data, b"avc1", 24, 0xFFFF, 2),
        "no codec configuration": lambda data: name(data, b"avcC", b"xxxx"),
        "an unknown codec": lambda data: name(data, b"avc1", b"zzzz"),
        "an encrypted codec": lambda data: name(data, b"avc1", b"encv"),
        "no tracks": lambda data: name(data, b"trak", b"free"),
        "no index": lambda data: name(data, b"moov", b"free"),
        "no pictures": lambda data: name(data, b"mdat", b"free"),
        "index of size 0": lambda data: size(data, b"moov", 0),
        "index of size 7": lambda data: size(data, b"moov", 7),
        "index of 4 GB": lambda data: size(data, b"moov", 0xFFFFFFFF),
        "pictures of size 0": lambda data: size(data, b"mdat", 0),
        "track that holds the file": lambda data: size(data, b"trak", len(data)),
        "a foreign brand": lambda data: damage.box_number(data, b"ftyp", 0, 0x21212121),
        "twice": lambda data: data + data,
        "backwards": lambda data: data[::-1],
        "a thousand boxes in each other": lambda data: b"".join(
            struct.pack(">I4s", 8 * (1000 - k), b"moov") for k in range(1000)
        ),
    }


def _odd() -> dict[str, tuple[Callable[[], bytes], str]]:
    """Whole videos of unusual kinds, and a word of what is said of them."""
    make, avi = partial(partial, video), {"sound": False}
    return {
        "one frame.mp4": (make(frames=1), "face"),
        "two frames.mp4": (make(frames=2), "face"),
        "half a second.mp4": (make(frames=12), ""),
        "16 pixels.mp4": (make(height=16, width=16), "face"),
        "a line.mp4": (make(height=2, width=640), ""),
        "a column.mp4": (make(height=640, width=2), ""),
        "one pixel.mkv": (make("ffv1", "matroska", height=1, width=1, pixels="bgr0", **avi), ""),
        "odd sides.mkv": (make("ffv1", "matroska", height=97, width=129, pixels="yuv444p", **avi), ""),
        "a frame every ten seconds.mp4": (make(rate=Fraction(1, 10), **avi), ""),
        "a thousand frames a second.mp4": (make(rate=1000, **avi), ""),
        "uneven times.mp4": (make(varying=True, **avi), ""),
        "turned by 90.mp4": (make(rotation=90), "face"),
        "turned by 180.mp4": (make(rotation=180), "face"),
        "colours unreduced.mp4": (make(pixels="yuv444p"), "face"),
        "grey.mp4": (make(pixels="gray"), "face"),
        "ten bits.mp4": (make(pixels="yuv420p10le"), "face"),
        "lossless.mp4": (make(options=(("qp", "0"),)), "face"),
        "fragments.mp4": (make(muxer=(("movflags", "frag_keyframe+empty_moov"),)), "face"),
        "hevc.mp4": (make("libx265", options=(("x265-params", "log-level=none"),)), "face"),
        "av1.mp4": (make("libsvtav1", **avi), ""),
        "mpeg4.avi": (make("mpeg4", "avi"), "face"),
        "mpeg2.ts": (make("mpeg2video", "mpegts"), "face"),
        "vp9.webm": (make("libvpx-vp9", "webm", **avi), "face"),
        "mjpeg.avi": (make("mjpeg", "avi", pixels="yuvj420p"), "face"),
        "prores.mov": (make("prores_ks", "mov", pixels="yuv422p10le"), "face"),
        "transparent.mov": (make("qtrle", "mov", pixels="argb"), ""),
        "magicyuv.avi": (make("magicyuv", "avi", pixels="gbrp"), "codec"),
        "utvideo.avi": (make("utvideo", "avi", pixels="gbrp"), "codec"),
        "cinepak.avi": (make("cinepak", "avi", pixels="rgb24"), "codec"),
        "animated.gif": (make("gif", "gif", pixels="rgb8", **avi), "picture"),
        "sound alone.mp4": (make(""), "picture"),
        "a sound.wav": (lambda: wav(tone(2)), "not a video"),
        "a sound.mp3": (lambda: sound_file("libmp3lame", "mp3"), "not a video"),
        "mp4 named avi.avi": (make(), "face"),
        "a video behind a picture.mp4": (lambda: b"\xff\xd8\xff\xe0" + bytes(60) + video(), "picture"),
        "a video behind an archive.mp4": (lambda: b"PK\x03\x04" + bytes(60) + video(), ""),
    }


def _files() -> Iterator[Case]:
    """What is no regular file, or not there."""

    def fifo(path: Path) -> None:
        os.mkfifo(path)

    def listening(path: Path) -> None:
        socket.socket(socket.AF_UNIX).bind(str(path))

    def loop(path: Path) -> None:
        path.symlink_to(path.name)

    def link(target: str) -> Callable[[Path], None]:
        return lambda path: path.symlink_to(target)

    def still(path: Path) -> None:
        from PIL import Image

        Image.fromarray(picture(0)).save(path, "PNG")

    def nothing(path: Path) -> None:
        assert not path.exists()

    kinds: dict[str, tuple[Callable[[Path], object], str]] = {
        "a folder.mp4": (Path.mkdir, "folder"),
        "a pipe.mp4": (fifo, "pipe"),
        "a socket.mp4": (listening, "socket"),
        "zeros without end.mp4": (link("/dev/zero"), "device"),
        "noise without end.mp4": (link("/dev/urandom"), "device"),
        "the empty device.mp4": (link("/dev/null"), "device"),
        "a link to a folder.mp4": (link("."), "folder"),
        "a link to nothing.mp4": (link("not there.mp4"), "no such file"),
        "a link to itself.mp4": (loop, "no such file"),
        "not there.mp4": (nothing, "no such file"),
        "a still.png": (still, "picture"),
    }
    for name, (build, word) in kinds.items():
        yield _case(name, build, word, quick=True)
    addresses = {
        "http://127.0.0.1:9/a.mp4": "address",
        "https://[::1]/a.mp4": "address",
        "file:///etc/passwd": "address",
        "concat:a.mp4|b.mp4": "no such file",
        "subfile,,start,0,end,9,,:a.mp4": "no such file",
        "data:video/mp4;base64,AAAA": "",
        "rtsp://127.0.0.1/a": "address",
        "pipe:0": "no such file",
    }
    for number, (address, word) in enumerate(addresses.items()):
        yield Case(
            "video", f"address {number}", nothing, ("check", address, "--quiet"), REFUSED, word, quick=True
        )
