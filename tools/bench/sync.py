"""Judges the sync expert on real clips, none of which took part in its training or in choosing its weights.

    .venv/bin/python tools/bench/sync.py --tracks /tmp/sync_tracks

Every clip of the media folder that shows a person speaking is tracked (face3dmm; kept in --tracks), then its
sound is moved by known amounts and the offset must be found again within a frame. Beside it: the same from
the mouth's opening alone; the confidence with the sound of every other clip, with silence and with noise; and
the share of stretches of 2, 4 and 8 s that suffice. `--plot` draws distance over offset for each clip.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from talk_clips import media_folder
from talk_motion.audio import load_audio
from talk_motion.features import FRAME, AudioFeatures, extract_features
from talk_motion.sync import SyncExpert
from talk_motion.sync_measure import FEWEST, SyncMeasure, measure_sync

NAMES = (
    "ref_m_german_20s",
    "ref_m_french_50s",
    "ref_m_french_50s_asfound",
    "ref_f_crop512_24s",
    "ref_f_landscape_24s",
    "ref_m_synthetic_15s",
)
LATE = "hostile/v_audio_late_600ms"  # 15 frames too late: at the edge of what is searched
WRONG = "hostile/v_wrong_audio_not_this_speaker"
SHIFTS = (-10, -5, 0, 5, 10)  # frames by which the sound is moved towards the end
LENGTHS = (50, 100, 200)  # frames of stretches


@dataclass(frozen=True)
class Clip:
    """A tracked clip: samples at 16 kHz, expression (T, 64), opening (T,) in face heights, seen (T,)."""

    name: str
    samples: np.ndarray
    expression: Tensor
    opening: Tensor
    seen: Tensor

    def sound(self, shift: int = 0) -> AudioFeatures:
        """Features of the sound moved by some frames; silence comes in at one end."""
        return features(moved(self.samples, shift), len(self.expression))


def load(name: str, tracks: Path, media: Path) -> Clip | None:
    """Tracks a clip once and keeps the track; None where the media folder lacks it."""
    from face3dmm import FaceTrack, track_video

    video, kept = media / f"{name}.mp4", tracks / f"{Path(name).name}.track.safetensors"
    if not video.is_file():
        return None
    if not kept.is_file():
        tracks.mkdir(parents=True, exist_ok=True)
        track_video(video).save(kept)
    track = FaceTrack.load(kept)
    marks = track.landmarks[..., :2]
    opening = (marks[:, 13] - marks[:, 14]).norm(dim=-1) / (marks[:, 10] - marks[:, 152]).norm(dim=-1)
    seen = track.coeffs.confidence > 0
    return Clip(Path(name).name, load_audio(video), track.coeffs.expression, opening, seen)


def moved(samples: np.ndarray, frames: int) -> np.ndarray:
    """Sound that comes later by some frames (earlier where negative)."""
    if frames >= 0:
        return np.concatenate([np.zeros(frames * FRAME, samples.dtype), samples])
    return samples[-frames * FRAME :]


def features(samples: np.ndarray, frames: int) -> AudioFeatures:
    return extract_features(samples, frames=frames)


def stretches(expert: SyncExpert, clip: Clip, length: int) -> float:
    """Share of stretches of so many frames whose own offset lies within a frame of none."""
    sound, found = clip.sound(), []
    for at in range(0, len(clip.expression) - length + 1, length // 2):
        end = at + length
        got = measure_sync(
            sound.slice(at, end), clip.expression[at:end], seen=clip.seen[at:end], expert=expert
        )
        if got.offset_frames is not None:
            found.append(abs(got.offset_frames) <= 1)
    return float(np.mean(found)) if found else float("nan")


def judge_offsets(expert: SyncExpert, clips: list[Clip]) -> tuple[list[Figure], dict[str, SyncMeasure]]:
    """Offsets found of clips whose sound was moved."""
    out, own, errors = [], {}, []
    for clip in clips:
        for kind, motion in (("expression", clip.expression), ("opening alone", clip.opening)):
            found = {
                shift: measure_sync(clip.sound(shift), motion, seen=clip.seen, expert=expert)
                for shift in SHIFTS
            }
            error = [abs((got.offset_frames or 0) + shift) for shift, got in found.items()]
            name = f"{clip.name}, {kind}: largest error of the offset, sound moved by {SHIFTS} frames"
            out.append(
                figure(name, max(error), "frames", goal=1 if kind == "expression" else None, most=True)
            )
            if kind == "expression":
                errors += error
                own[clip.name] = found[0]
                out.append(
                    figure(f"{clip.name}: confidence", round(found[0].confidence, 4), "LSE-C, unit vectors")
                )
                out.append(
                    figure(f"{clip.name}: distance", round(found[0].distance or 2, 4), "LSE-D, unit vectors")
                )
            shown = " ".join(f"{s:+d}:{got.offset_frames}({got.confidence:.3f})" for s, got in found.items())
            print(f"{clip.name} {kind}: {shown} agreement {found[0].agreement:.2f}", file=sys.stderr)
        for length in LENGTHS:
            share = stretches(expert, clip, length)
            out.append(
                figure(f"{clip.name}: stretches of {length // 25} s that suffice", round(share, 3), "")
            )
    if errors:
        right = float(np.mean([error <= 1 for error in errors]))
        out.append(figure("offsets found within a frame, all clips and shifts", right, "", goal=1.0))
    return out, own


def judge_strangers(expert: SyncExpert, clips: list[Clip], own: dict[str, SyncMeasure]) -> list[Figure]:
    """Confidence with sounds that do not belong to the picture."""
    strange, trusted = [], 0
    for clip in clips:
        frames = len(clip.expression)
        for other in clips:
            if not same_recording(clip.name, other.name):
                sound = features(other.samples, frames)
                got = measure_sync(sound, clip.expression, seen=clip.seen, expert=expert)
                strange.append(got.confidence)
                trusted += got.trusted
    quiet = []
    for clip in clips:
        frames = len(clip.expression)
        hiss = np.random.default_rng(0).normal(0, 0.003, frames * FRAME).astype(np.float32)
        for sound in (np.zeros(frames * FRAME, np.float32), hiss):
            quiet.append(
                measure_sync(
                    features(sound, frames), clip.expression, seen=clip.seen, expert=expert
                ).confidence
            )
    return [
        figure(
            "least confidence with its own sound", round(min(m.confidence for m in own.values()), 4), "LSE-C"
        ),
        figure("largest confidence with another clip's sound", round(max(strange), 4), "LSE-C"),
        figure("median confidence with another clip's sound", round(float(np.median(strange)), 4), "LSE-C"),
        figure("own sounds that are trusted", sum(m.trusted for m in own.values()) / len(own), "", goal=1.0),
        figure(
            "other clips' sounds that are trusted", trusted / max(1, len(strange)), "", goal=0.0, most=True
        ),
        figure("largest confidence with silence or hiss", round(max(quiet), 4), "LSE-C"),
    ]


def same_recording(a: str, b: str) -> bool:
    """Whether two clips hold the same person saying the same."""
    return any(part in a and part in b for part in ("german", "french", "ref_f", "synthetic"))


def judge_hostile(expert: SyncExpert, tracks: Path, media: Path) -> list[Figure]:
    """Two clips that were made wrong: sound 15 frames late, and another speaker's sound."""
    out = []
    for name, what in (
        (LATE, "offset found of a sound 15 frames late"),
        (WRONG, "confidence with a wrong sound"),
    ):
        clip = load(name, tracks, media)
        if clip is None:
            out.append(figure(what, None, "", reason="no such clip"))
            continue
        got = measure_sync(clip.sound(), clip.expression, seen=clip.seen, expert=expert)
        print(
            f"{clip.name}: {got.offset_frames} ({got.confidence:.3f}) over {len(clip.expression)}",
            file=sys.stderr,
        )
        value = got.offset_frames if name == LATE else round(got.confidence, 4)
        out.append(figure(what, value, "frames, mouth after sound" if name == LATE else "LSE-C"))
    return out


def plot(own: dict[str, SyncMeasure], path: Path) -> None:
    """Distance over offset, one curve per clip."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(8, 5))
    axes = picture.subplots()
    for name, got in own.items():
        axes.plot(range(-15, 16), got.curve, marker=".", label=f"{name} ({got.confidence:.3f})")
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.set(xlabel="mouth after sound (frames)", ylabel="mean distance")
    axes.legend(fontsize=7)
    picture.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, help="default: those that ship with talk-motion")
    parser.add_argument("--tracks", type=Path, required=True, help="folder that keeps tracked clips")
    parser.add_argument("--plot", type=Path, help="write a picture of the curves here")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    expert, media = SyncExpert.from_pretrained(args.weights), media_folder()
    loaded = (load(name, args.tracks, media) for name in NAMES)
    clips = [clip for clip in loaded if clip is not None and len(clip.expression) >= FEWEST]
    if not clips:
        missing = "no real clips: set MIMICTALK_MEDIA"
        report("sync", 0, [figure("offsets found", None, "", goal=1.0, reason=missing)], args.keep)
        return
    found, own = judge_offsets(expert, clips)
    found += judge_strangers(expert, clips, own) + judge_hostile(expert, args.tracks, media)
    if args.plot:
        plot(own, args.plot)
    report("sync", 0, found, args.keep)


if __name__ == "__main__":
    main()
