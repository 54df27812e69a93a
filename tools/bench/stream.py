"""The live server with a real avatar: first picture, rate, sound against picture over time, memory.

    .venv/bin/python tools/bench/stream.py ME/ SPEECH.wav                        # 30 s
    .venv/bin/python tools/bench/stream.py ME/ SPEECH.wav --seconds 1800 --keep tools/bench/results/stream.json
    .venv/bin/python tools/bench/stream.py ME/ SPEECH.wav --size 512

`mimictalk stream` runs in a process of its own, as for a user; this program sends the speech over and over at the
pace of speech, and watches by WebRTC (aiortc, on the same machine, whose work counts against the server): first
by a few viewers one after another, for the time to a first picture, then by one for as long as was asked for.

Offset of a picture: how much later it arrives than the sound with its time stamp does, less the median of that
over the first ten seconds; so it is what moved apart, on the way to the viewer too. What was apart at the server
from the start is counted there: pictures that went out with the next moment's sound, 40 ms late. Growth of
memory: a line through the resident bytes, once a second, after the second minute (a shorter run: after its first
third). Progress goes to stderr, one JSON object to the last line of stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from bench.figures import Figure, figure, report
from talk_motion import load_audio

BLOCK = 640  # samples at 16 kHz in 40 ms
START = 10.0  # seconds against which offsets count
SETTLED = 120.0  # seconds after which memory is to be flat
PATIENCE = 30.0  # seconds
FPS = 25.0
Seen = list[tuple[float, float]]


class Server:
    """`mimictalk stream` as a child process."""

    def __init__(self, avatar: Path, size: int, delay: float | None) -> None:
        command = [sys.executable, "-m", "mimictalk", "stream", str(avatar), "--port", "0", "--json"]
        command += ["--size", str(size), *([] if delay is None else ["--delay", str(delay)])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        facts = json.loads(self.process.stdout.readline())
        if not facts["ok"]:
            raise SystemExit(facts["error"]["cause"])
        self.address, self.delay = facts["address"], facts["delay"]
        self.possible = facts["frames_per_second"]
        self.headers = {"authorization": f"Bearer {facts['token']}"}

    def state(self) -> dict[str, Any]:
        """How it goes."""
        answer = httpx.get(f"{self.address}api/v1/state", headers=self.headers, timeout=30)
        found: dict[str, Any] = answer.json()
        return found

    def memory(self) -> list[int]:
        """Resident bytes of the server and of the process that draws."""
        whole = psutil.Process(self.process.pid)
        return [each.memory_info().rss for each in (whole, *whole.children())]

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=30)


class Watcher:
    """A WebRTC viewer that writes down when what came."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pictures: Seen = []  # arrival and time stamp, seconds
        self.sound: Seen = []
        self.tasks: list[asyncio.Task[None]] = []
        self.connection.on("track", lambda track: self.tasks.append(asyncio.create_task(self._take(track))))

    async def open(self, server: Server) -> float:
        """Connect; returns when it was begun."""
        began = time.monotonic()
        for kind in ("video", "audio"):
            self.connection.addTransceiver(kind, direction="recvonly")
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = {"type": "offer", "sdp": self.connection.localDescription.sdp}
        async with httpx.AsyncClient(headers=server.headers, timeout=30) as client:
            answer = await client.post(f"{server.address}api/v1/offer", json=offer)
        answer.raise_for_status()
        await self.connection.setRemoteDescription(RTCSessionDescription(**answer.json()))
        return began

    async def close(self) -> None:
        """Go."""
        await self.connection.close()
        for task in self.tasks:
            task.cancel()

    async def _take(self, track: Any) -> None:
        seen, rate = (self.pictures, 90_000) if track.kind == "video" else (self.sound, 48_000)
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                seen.append((time.monotonic(), frame.pts / rate))


async def speech(wave: np.ndarray, over: asyncio.Event) -> AsyncIterator[bytes]:
    """The speech over and over, at the pace of speech, as 16-bit samples."""
    samples = (np.clip(wave, -1, 1) * 32767).astype("<i2")
    began, sent = time.monotonic(), 0
    while not over.is_set():
        start = sent * BLOCK % max(BLOCK, len(samples) - BLOCK)
        yield samples[start : start + BLOCK].tobytes()
        sent += 1
        await asyncio.sleep(max(0.0, began + sent * BLOCK / 16000 - time.monotonic()))


def offsets(pictures: Seen, sound: Seen) -> np.ndarray:
    """How much later than their own sound pictures arrive, less the median of the first ten seconds.

    Args:
        pictures, sound: Arrival and time stamp of each, in seconds; both count stamps from their first one.

    Returns:
        (n,) seconds.
    """
    came, stamps = np.array(pictures).T
    heard, marks = np.array(sound).T
    early, begun = came < came[0] + START, heard < heard[0] + START
    # What the stamps of sound are ahead of those of pictures: the first picture is not the first moment.
    ahead = np.median(heard[begun] - marks[begun]) - np.median(came[early] - stamps[early])
    later = came - np.interp(stamps - ahead, marks, heard)
    return later - np.median(later[early])


async def first_picture(server: Server) -> float:
    """Seconds from asking to the first picture of a new viewer."""
    watcher = Watcher()
    began = await watcher.open(server)
    while not watcher.pictures and time.monotonic() - began < PATIENCE:
        await asyncio.sleep(0.005)
    await watcher.close()
    return watcher.pictures[0][0] - began if watcher.pictures else PATIENCE


async def measure(server: Server, wave: np.ndarray, seconds: float, openings: int) -> list[Figure]:
    """Talk and watch for so long."""
    over, memory = asyncio.Event(), []
    async with httpx.AsyncClient(headers=server.headers, timeout=None) as client:
        sound = f"{server.address}api/v1/sound?form=s16le&late=drop"
        talking = asyncio.create_task(client.post(sound, content=speech(wave, over)))
        await asyncio.sleep(server.delay + 1)
        first = [await first_picture(server) for _ in range(openings)]
        watcher = Watcher()
        began = await watcher.open(server)
        while (passed := time.monotonic() - began) < seconds:
            await asyncio.sleep(min(1.0, seconds - passed))
            memory.append((passed, sum(await asyncio.to_thread(server.memory))))
            shown = len(watcher.pictures)
            print(f"{passed:6.0f} s: {shown} pictures, {memory[-1][1] / 2**20:.0f} MB", file=sys.stderr)
        state = await asyncio.to_thread(server.state)
        over.set()
        told = (await talking).json()
    await watcher.close()
    return figures(server, watcher, first, memory, state, told["dropped"])


def figures(
    server: Server,
    watcher: Watcher,
    first: list[float],
    memory: list[tuple[float, float]],
    state: dict[str, Any],
    lost: float,
) -> list[Figure]:
    """What was measured, as figures."""
    found = [figure("delay of the sound, stated", server.delay, "s")]
    found.append(figure("delay of the sound, at the end", state["delay"], "s"))
    found.append(figure("frames that can be drawn", server.possible, "1/s", goal=FPS))
    for name, share in (("p50", 50), ("p95", 95)):
        value = round(float(np.percentile(first, share)), 3)
        found.append(figure(f"first picture after asking, {name} of {len(first)}", value, "s"))
    if len(watcher.pictures) < 2 * START:
        reason = f"{len(watcher.pictures)} pictures came"
        return [*found, figure("rate", None, "1/s", reason=reason)]
    arrivals = np.array([now for now, _ in watcher.pictures])
    steady = arrivals[arrivals > arrivals[0] + 5]
    rates = np.bincount((steady - steady[0]).astype(int))[:-1]
    possible = min(FPS, server.possible)
    for name, share in (("p50", 50), ("p95", 95), ("p5", 5)):
        value = float(np.percentile(rates, share))
        found.append(figure(f"rate, {name} of seconds", value, "1/s", goal=None if share == 95 else possible))
    between = np.diff(steady)
    for name, share in (("p50", 50), ("p95", 95)):
        value = round(float(np.percentile(between, share)), 4)
        found.append(figure(f"time between pictures, {name}", value, "s"))
    moved = 1000 * offsets(watcher.pictures, watcher.sound)
    for name, share in (("p50", 50), ("p95", 95)):
        value = round(float(np.percentile(np.abs(moved), share)), 1)
        found.append(figure(f"sound against picture, {name}", value, "ms", goal=40, most=True))
    last = round(float(np.median(moved[arrivals > arrivals[-1] - START])), 1)
    found.append(figure("sound against picture, median of the last 10 s", last, "ms"))
    shown = max(1, state["shown"])
    found.append(figure("shown 40 ms late", round(state["overdue"] / shown, 3), "share of pictures"))
    found.append(figure("drawn in vain", float(state["late"]), f"pictures beside {shown} that were shown"))
    found.append(figure("sound that was dropped", float(lost), "s", goal=0, most=True))
    found.append(figure("gaps in the sound", float(state["gaps"]), "gaps", goal=0, most=True))
    times, sizes = np.array(memory).T
    counted = times >= min(SETTLED, times[-1] / 3)
    slope = np.polyfit(times[counted] / 3600, sizes[counted] / 2**20, 1)[0]
    found.append(figure("memory", round(float(sizes.max() / 2**20), 1), "MB"))
    found.append(figure("growth of memory", round(float(slope), 1), "MB/h"))
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("avatar", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--openings", type=int, default=5, help="viewers whose first picture is timed")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--delay", type=float)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    given = parser.parse_args()
    server = Server(given.avatar, given.size, given.delay)
    try:
        wave = np.asarray(load_audio(given.speech), np.float32)
        found = asyncio.run(measure(server, wave, given.seconds, given.openings))
    finally:
        server.close()
    report("stream", 0, found, given.keep, f"{given.size} x {given.size}, {given.seconds:g} s")


if __name__ == "__main__":
    main()
