"""Times the whole of tracking beside the networks it cannot do without."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from face3dmm import FaceTrack, read_crops, segment_stream, track_video
from face3dmm.detector import LandmarkTracker, PersonSegmenter


@dataclass(frozen=True)
class Seconds:
    """Wall and CPU time (all threads of this process)."""

    wall: float
    cpu: float

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


@dataclass(frozen=True)
class TrackingTimes:
    """One clip, whole and in parts, one after the other on the same machine.

    Attributes:
        track: `track_video`: decode, find faces, decode and crop (in the same pass where the picture is kept
            whole), landmarks of every frame, fit.
        masks: Decode and crop once more, segment and refine every frame.
        detector: The landmark network alone, over the 512-pixel crops held in memory; its reading of the
            answers is as fast as within `track_video`.
        segmenter: The person network alone, over the same, one answer per pixel.
    """

    track: Seconds
    masks: Seconds
    detector: Seconds
    segmenter: Seconds


def timed(work: Callable[[], object]) -> Seconds:
    """Time of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def time_tracking(path: Path, max_seconds: float) -> tuple[FaceTrack, TrackingTimes]:
    """Track a clip and time its parts; networks are started before their clock, but for those within
    `track_video` and the masks, which pay for it."""
    tracks: list[FaceTrack] = []
    track_time = timed(lambda: tracks.append(track_video(path, max_seconds=max_seconds)))
    track = tracks[0]

    def masks() -> None:
        crops = read_crops(path, track.crop, max_seconds=max_seconds)
        for _ in segment_stream(crops, track.landmarks):
            pass

    masks_time = timed(masks)
    held = list(read_crops(path, track.crop, max_seconds=max_seconds))
    with LandmarkTracker() as tracker:
        detector_time = timed(lambda: [tracker(picture) for picture in held])
    with PersonSegmenter() as segmenter:
        segmenter_time = timed(lambda: [segmenter(picture) for picture in held])
    return track, TrackingTimes(track_time, masks_time, detector_time, segmenter_time)
