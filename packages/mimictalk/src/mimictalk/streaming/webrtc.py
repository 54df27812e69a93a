"""WebRTC by aiortc: a viewer's two tracks, their microphone, offer and answer."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription

from mimictalk.errors import InputError
from mimictalk.sound import SAMPLE_RATE
from mimictalk.streaming.inbox import Inbox
from mimictalk.streaming.live import Live, Sender
from mimictalk.streaming.moments import FPS, Moment
from mimictalk.video_coding import SAMPLES_PER_FRAME, Coding

CLOCK = 90_000  # of pictures in RTP (RFC 3551)
MOST = FPS // 2  # moments of sound that wait to be encoded; of more the oldest is dropped
CONNECT_SECONDS = 30.0


class SoundTrack(MediaStreamTrack):
    """Sound of the moments."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._queued: deque[Moment] = deque(maxlen=MOST)
        self._there = asyncio.Event()

    def put(self, moment: Moment) -> None:
        """Append a moment."""
        self._queued.append(moment)
        self._there.set()

    async def recv(self) -> Any:
        """The next 40 ms; its time is that of the moment."""
        while not self._queued:
            self._there.clear()
            await _while_live(self, self._there)
        moment = self._queued.popleft()
        samples = np.rint(moment.sound * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = moment.index * SAMPLES_PER_FRAME
        return frame


class PictureTrack(MediaStreamTrack):
    """The newest picture; older ones that were not taken yet are dropped.

    Attributes:
        dropped: Pictures that were not taken in time.
    """

    kind = "video"

    def __init__(self, size: int) -> None:
        super().__init__()
        self._coding, self.dropped = Coding((size, size)), 0
        self._newest: Moment | None = None
        self._there = asyncio.Event()

    def put(self, moment: Moment) -> None:
        """Put a moment with a picture in place of the one that waits."""
        self.dropped += self._newest is not None
        self._newest = moment
        self._there.set()

    async def recv(self) -> Any:
        """The newest picture; its time is that of its sound."""
        while self._newest is None:
            self._there.clear()
            await _while_live(self, self._there)
        moment, self._newest = self._newest, None
        picture = self._coding.picture(moment.picture, moment.shown)
        picture.pts, picture.time_base = moment.shown * CLOCK // FPS, Fraction(1, CLOCK)
        return picture


class Peer:
    """One browser: it watches, and is heard if it has a microphone.

    Args:
        live: What it watches.
        size: Side of the pictures.
        ice_servers: Addresses such as stun:example.org; none are asked by default.
        gone: Called when it has gone.
    """

    def __init__(
        self, live: Live, size: int, ice_servers: tuple[str, ...], gone: Callable[["Peer"], None]
    ) -> None:
        # Without a list aiortc would ask a server of its own choice.
        servers = [RTCIceServer(urls=url) for url in ice_servers]
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._live, self._gone = live, gone
        self.sound, self.pictures = SoundTrack(), PictureTrack(size)
        self._sender: Sender | None = None
        self._listening: asyncio.Task[None] | None = None
        self._closed = False
        self._patience = asyncio.get_running_loop().call_later(CONNECT_SECONDS, self._give_up)
        self._closing: asyncio.Task[None] | None = None
        self._connection.on("connectionstatechange", self._changed)

    @property
    def dropped(self) -> int:
        """Pictures that this viewer's encoder had no time for."""
        return self.pictures.dropped

    def put(self, moment: Moment) -> None:
        """Show a moment."""
        self.sound.put(moment)
        if moment.picture is not None:
            self.pictures.put(moment)

    async def answer(self, sdp: str) -> str:
        """The answer to an offer.

        Raises:
            InputError: If the offer is none, or asks for other things than one sound and one picture.
        """
        speaks = check_offer(sdp)
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            for transceiver in self._connection.getTransceivers():
                track = self.pictures if transceiver.kind == "video" else self.sound
                transceiver.sender.replaceTrack(track)
                transceiver.direction = "sendonly"
                if transceiver.kind == "audio" and speaks:
                    transceiver.direction = "sendrecv"
                    self._sender = self._live.speak("microphone")
                    listen = _listen(transceiver.receiver.track, self._sender)
                    self._listening = asyncio.create_task(listen)
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except InputError:
            raise
        except Exception as error:  # aiortc raises whatever its parsers stumble over
            cause = f"the offer cannot be answered ({type(error).__name__})"
            raise InputError("sdp", cause, "Make it with RTCPeerConnection.createOffer().") from None
        self._live.watch(self)
        return str(self._connection.localDescription.sdp)

    async def close(self) -> None:
        """End the connection."""
        if self._closed:
            return
        self._closed = True
        self._patience.cancel()
        self._live.leave(self)
        if self._sender is not None:
            self._live.silence(self._sender)
        if self._listening is not None:
            self._listening.cancel()
        self.sound.stop()
        self.pictures.stop()
        await self._connection.close()
        self._gone(self)

    async def _changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._patience.cancel()
        elif state in ("failed", "closed"):
            await self.close()

    def _give_up(self) -> None:
        self._closing = asyncio.ensure_future(self.close())


def check_offer(sdp: str) -> bool:
    """Whether an offer brings a microphone.

    Raises:
        InputError: If it is none, or asks for other things than one sound and one picture.
    """
    cure = "Offer one audio and one video line, as the page does."
    try:
        media = SessionDescription.parse(sdp).media
    except Exception as error:
        raise InputError("sdp", f"it is no session description ({type(error).__name__})", cure) from None
    kinds = sorted(each.kind for each in media)
    if kinds not in (["audio", "video"], ["video"]):
        raise InputError("sdp", f"it offers {', '.join(kinds)[:80] or 'nothing'}", cure)
    wanted = {"video": ("recvonly", "sendrecv", None), "audio": ("recvonly", "sendrecv", "sendonly", None)}
    if any(each.direction not in wanted[each.kind] for each in media):
        raise InputError("sdp", "it does not take the video", cure)
    return any(each.kind == "audio" and each.direction != "recvonly" for each in media)


async def _listen(track: Any, sender: Sender) -> None:
    """Put what a microphone sends into the inbox; read on when nobody hears it: aiortc's queue has no end."""
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE)
    inbox: Inbox = sender.inbox
    with suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            frame.pts = None  # a hole in the times is not filled: the inbox is never late
            if not sender.over.is_set():
                for block in resampler.resample(frame):
                    inbox.put(np.clip(block.to_ndarray().reshape(-1, 2), -1, 1))


async def _while_live(track: MediaStreamTrack, event: asyncio.Event) -> None:
    """Wait for an event; a track that ends meanwhile ends the waiting."""
    while True:
        if track.readyState != "live":
            raise MediaStreamError
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), 0.5)
            return
