"""A browser's part played by aiortc in the same process: offer, answer, microphone, pictures, going away."""

import asyncio
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from mimictalk.errors import InputError
from mimictalk.streaming.live import Live
from quick_stream import link_of

pytest.importorskip("aiortc", reason="the live server needs it: pip install 'mimictalk[stream]'")

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from mimictalk.streaming.webrtc import Peer, PictureTrack, check_offer


class Microphone(MediaStreamTrack):
    """Beeps of 0.32 s every 0.8 s, in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.start, self.sent = time.monotonic(), 0

    async def recv(self):
        await asyncio.sleep(max(0.0, self.start + self.sent / 48000 - time.monotonic()))
        times = (self.sent + np.arange(960)) / 48000
        wave = np.where(times % 0.8 < 0.32, 0.5 * np.sin(2 * np.pi * 300 * times), 0)
        frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self.sent, Fraction(1, 48000)
        self.sent += 960
        return frame


class Browser:
    """Opens a connection and remembers when what came."""

    def __init__(self, microphone: bool) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.addTransceiver("video", direction="recvonly")
        if microphone:
            self.connection.addTransceiver(Microphone(), direction="sendrecv")
        else:
            self.connection.addTransceiver("audio", direction="recvonly")
        self.pictures, self.sound = [], []
        self.tasks = []
        self.connection.on("track", lambda track: self.tasks.append(asyncio.create_task(self._take(track))))

    async def _take(self, track) -> None:
        try:
            while True:
                frame = await track.recv()
                now = time.monotonic()
                if track.kind == "video":
                    self.pictures.append(
                        (now, frame.pts / 90000, frame.to_ndarray(format="gray").mean() > 130)
                    )
                else:
                    self.sound.append((now, frame.pts / 48000, np.abs(frame.to_ndarray()).max() > 3000))
        except MediaStreamError:
            return

    async def open(self, peer: Peer) -> None:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        answer = await peer.answer(self.connection.localDescription.sdp)
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def close(self) -> None:
        await self.connection.close()
        for task in self.tasks:
            task.cancel()


async def until(wished, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not wished():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


async def stage(test, **settings):
    """Runs a test with a live person drawn by quick_drawing."""
    link = link_of({"size": 256, "delay": 16, **settings})
    await link.start()
    live = Live(link)
    running = asyncio.create_task(live.run())
    try:
        await test(live)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def edges(seen) -> list[float]:
    """When something began."""
    return [
        now for (_, _, before), (now, _, after) in zip(seen, seen[1:], strict=False) if after and not before
    ]


@pytest.mark.slow  # real time
def test_what_a_microphone_says_comes_back_with_pictures_in_step():
    async def talk(live):
        gone = []
        peer, browser = Peer(live, 256, (), gone.append), Browser(microphone=True)
        await browser.open(peer)
        assert live.sender is not None
        assert live.sender.kind == "microphone"
        await until(lambda: len(browser.pictures) > 25 * 3 and len(edges(browser.sound)) >= 3, 40)
        flashes, beeps = edges(browser.pictures), edges(browser.sound)
        matched = [min((flash - beep for flash in flashes), key=abs) for beep in beeps[1:-1]]
        # Arrival of flash against beep: sound waits 40 to 60 ms in aiortc's jitter buffer, pictures do not.
        assert matched
        assert abs(float(np.median(matched))) <= 0.12
        await browser.close()
        await until(lambda: gone == [peer])
        assert live.sender is None
        assert not live.viewers

    asyncio.run(stage(talk))


@pytest.mark.slow  # real time
def test_a_page_that_comes_back_is_heard_at_once_and_a_second_viewer_only_watches():
    async def visit(live):
        first, second, third = (Peer(live, 256, (), lambda peer: None) for _ in range(3))
        lost, again, guest = Browser(True), Browser(True), Browser(False)
        await lost.open(first)
        before = live.sender
        await again.open(second)  # the first connection has not ended as far as the server knows
        assert live.sender is not before
        assert before.over.is_set()
        now = live.sender
        await guest.open(third)
        assert live.sender is now
        await until(lambda: all(len(each.pictures) > 10 for each in (lost, again, guest)), 40)
        await first.close()
        assert live.sender is now
        for each in (lost, again, guest):
            await each.close()
        await until(lambda: not live.viewers)
        assert live.sender is None

    asyncio.run(stage(visit))


def test_pictures_that_are_not_taken_are_replaced_by_newer_ones():
    from mimictalk.streaming.moments import Moment

    async def take():
        track = PictureTrack(64)
        for index in range(10):
            picture = np.full((64, 64, 3), 20 * index, np.uint8)
            track.put(Moment(index, np.zeros((1920, 2), np.float32), picture))
        frame = await track.recv()
        return track.dropped, frame.pts, frame.time_base

    assert asyncio.run(take()) == (9, 9 * 3600, Fraction(1, 90000))


def test_no_server_is_asked_for_an_address():
    async def gather():
        peer = Peer(FakeLive(), 256, (), lambda peer: None)
        browser = Browser(microphone=False)
        await browser.open(peer)
        answer = peer._connection.localDescription.sdp
        await browser.close()
        await peer.close()
        return answer

    answer = asyncio.run(gather())
    assert "typ host" in answer
    assert "srflx" not in answer


class FakeLive:
    """Counts who watches."""

    def watch(self, viewer) -> None:
        """Somebody came."""

    def leave(self, viewer) -> None:
        """Somebody went."""


HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 VP8/90000\r\na=recvonly\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\n"


def test_an_offer_is_one_picture_and_at_most_one_sound():
    assert not check_offer(HEAD + VIDEO)
    assert not check_offer(HEAD + VIDEO + AUDIO + "a=recvonly\r\n")
    assert check_offer(HEAD + AUDIO + "a=sendrecv\r\n" + VIDEO)
    assert check_offer(HEAD + AUDIO + "a=sendonly\r\n" + VIDEO)
    sends_video = VIDEO.replace("recvonly", "sendonly")
    for wrong in (HEAD, HEAD + AUDIO, HEAD + VIDEO * 2, HEAD + AUDIO * 2 + VIDEO, HEAD + sends_video):
        with pytest.raises(InputError):
            check_offer(wrong)
