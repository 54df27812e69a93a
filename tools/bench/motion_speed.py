"""How fast talk-motion draws, what few passes cost, how near live motion comes, and what an hour takes.

    .venv/bin/python tools/bench/motion_speed.py --tracks FOLDER [--hour] [--keep FILE.json]

Speed: a minute of made speech with a prompt of six seconds. Passes and live motion: real clips (MIMICTALK_MEDIA,
as in talk_motion.py), prompted with their first fifth, judged on the rest. Memory: a process of its own reads
made speech of each length from a file, draws its motion piece by piece and spools it to the disk; its largest
resident size is what is told.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from bench.talk_real import prompt_of
from talk_clips import TalkClip, correlation, load_clips, media_folder
from talk_motion import MotionModel, MotionPrompt, MotionSequence, extract_features, generate, load_audio
from talk_motion.audio import SoundFile
from talk_motion.feature_stream import statistics_of
from talk_motion.speech_file import SpeechFile
from talk_motion.spool import MotionSpool
from talk_motion.streaming import MotionStream

PUBLISHED_PASSES = 76  # of the published sampler
LENGTHS = {"1 s": 1, "1 min": 60, "10 min": 600}


def made_speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Voiced syllables, four a second, with pauses; different from second to second."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * 16000)) / 16000
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time + random.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    vowels = np.repeat(random.uniform(0.3, 1.0, (len(time) // 4000 + 1, 7)), 4000, axis=0)[: len(time)]
    tone = sum(vowels[:, k - 1] * np.sin(k * phase) / k for k in range(1, 8))
    syllables = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)
    pauses = np.sin(2 * np.pi * 0.11 * time) > -0.8
    return (0.15 * tone * syllables * pauses + random.normal(0, 0.001, time.size)).astype(np.float32)


def write_speech(path: Path, seconds: int) -> None:
    """A wav file of made speech, written ten seconds at a time."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        for start in range(0, seconds, 10):
            samples = made_speech(min(10, seconds - start), seed=start)
            file.writeframes((samples.clip(-1, 1) * 32767).astype(np.int16).tobytes())


def made_prompt(model: MotionModel) -> MotionPrompt:
    """Six seconds of made speech with the motion that the model gives it."""
    sound = extract_features(made_speech(6.0, seed=7))
    return MotionPrompt(sound, generate(model, sound))


def timed(call: Callable[[], object], runs: int = 3) -> tuple[float, float]:
    """The least wall time and the least CPU time of some runs, in seconds."""
    wall, cpu = [], []
    for _ in range(runs):
        began, used = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return min(wall), min(cpu)


def speeds(model: MotionModel) -> list[Figure]:
    prompt, samples = made_prompt(model), made_speech(60.0)
    wall, cpu = timed(lambda: generate(model, extract_features(samples), prompt))
    threads = torch.get_num_threads()
    out = [
        figure(f"offline, {threads} threads, wall time", round(60 / wall, 1), "x real time", goal=50.0),
        figure("offline, CPU time of all threads", round(60 / cpu, 1), "x real time"),
    ]

    def live() -> None:
        stream = MotionStream(model, prompt)
        for chunk in np.split(samples[:160_000], 250):
            stream.push(chunk)
        stream.finish()

    wall, cpu = timed(live, runs=1)
    print(f"offline {out[0]['value']} x, live {10 / wall:.1f} x", file=sys.stderr)
    look_ahead = MotionStream(model).look_ahead
    return [
        *out,
        figure(f"live, {threads} threads, wall time", round(10 / wall, 1), "x real time", goal=1.0),
        figure("live, CPU time of all threads", round(10 / cpu, 1), "x real time"),
        figure("live, look-ahead", look_ahead, "s", goal=0.32, most=True),
    ]


def judged(model: MotionModel, clips: list[TalkClip]) -> list[Figure]:
    """Few passes against many, and live against offline motion, by the opening of the mouth."""
    gap, few, many, near, rows = model.space.gap, [], [], [], []
    for clip in clips:
        start = clip.frames // 5
        prompt, sound = prompt_of(clip), clip.features.slice(start, clip.frames)
        truth = clip.opening[start:]
        two = generate(model, sound, prompt).expression @ gap
        all_passes = generate(model, sound, prompt, steps=PUBLISHED_PASSES).expression @ gap
        samples = load_audio(media_folder() / f"{clip.name}.mp4")
        samples = np.pad(samples, (0, max(0, clip.frames * 640 - len(samples))))
        known = statistics_of(lambda head=samples[: start * 640]: [head])
        stream = MotionStream(model, prompt, sound=known)
        parts = [stream.push(samples[start * 640 : clip.frames * 640]), stream.finish()]
        live = MotionSequence.join(parts).expression @ gap
        few.append(correlation(two, truth))
        many.append(correlation(all_passes, truth))
        near.append(correlation(live, two))
        speed = float(live.diff().abs().quantile(0.99) / two.diff().abs().quantile(0.99))
        rows += [
            figure(f"{clip.name}: live against offline", round(near[-1], 3), "correlation"),
            figure(
                f"{clip.name}: live against the truth",
                round(correlation(live, truth), 3),
                "correlation",
                baseline=round(few[-1], 3),
            ),
            figure(f"{clip.name}: fastest 1 % of live over offline", round(speed, 2), "velocity ratio"),
        ]
        print(f"{clip.name}: 2 passes {few[-1]:.3f}, 76 {many[-1]:.3f}, live {near[-1]:.3f}", file=sys.stderr)
    name = "2 passes over 76, mean correlation with the truth"
    if not clips:
        return [figure(name, None, "ratio", goal=0.98, reason="no real clips: set MIMICTALK_MEDIA")]
    ratio = float(np.mean(few) / np.mean(many))
    return [
        *rows,
        figure(
            "2 passes, mean correlation with the truth",
            round(float(np.mean(few)), 3),
            "correlation",
            baseline=round(float(np.mean(many)), 3),
        ),
        figure(name, round(ratio, 3), "ratio", goal=0.98),
        figure("live against offline, mean", round(float(np.mean(near)), 3), "correlation"),
    ]


def largest_resident() -> float:
    """MiB that this process has held at most; `ru_maxrss` would begin with those of the parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def draw_file(path: Path) -> None:
    """The child process: draws a file's motion, tells its memory and its fastest border."""
    model = MotionModel.from_pretrained("small")
    began, borders, frames = time.process_time(), [], 0
    with MotionSpool() as spool:
        for piece in SpeechFile(SoundFile(path)).motion(model, made_prompt(model)):
            spool.add(piece)
            frames += piece.frames
            borders.append(frames - 1)
        speed = (spool.motion().expression @ model.space.gap).diff().abs()
    at = speed[borders[:-1]] if len(borders) > 1 else torch.zeros(0)
    usual = float(speed.quantile(0.99)) if len(speed) else 0.0
    print(
        json.dumps(
            {
                "rss": largest_resident(),
                "cpu": time.process_time() - began,
                "frames": frames,
                "border": float(at.max()) / usual if len(at) else None,
            }
        )
    )


def memory(threads: int, hour: bool) -> list[Figure]:
    lengths = LENGTHS | ({"1 h": 3600} if hour else {})
    out: list[Figure] = []
    sizes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds in lengths.items():
            path = Path(folder) / "speech.wav"
            write_speech(path, seconds)
            command = [sys.executable, __file__, "--child", str(path), "--threads", str(threads)]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            print(f"{name}: {found}", file=sys.stderr)
            sizes[name] = found["rss"]
            out.append(figure(f"largest resident size, {name}", round(found["rss"]), "MiB"))
            out.append(
                figure(
                    f"frames over the sound's own, {name}",
                    found["frames"] - 25 * seconds,
                    "frames",
                    goal=0,
                    most=True,
                )
            )
            if found["border"] is not None:
                out.append(
                    figure(
                        f"fastest section border over the 99th percentile, {name}",
                        round(found["border"], 2),
                        "velocity ratio",
                        goal=1.0,
                        most=True,
                    )
                )
    longest = list(sizes)[-1]
    grown = sizes["1 h"] - sizes["10 min"] if hour else None
    missing = "" if hour else "give --hour to measure it"
    growth = None if grown is None else round(grown)
    out.append(figure("growth from 10 min to 1 h", growth, "MiB", goal=64, most=True, reason=missing))
    print(f"{longest}: {sizes[longest]:.0f} MiB", file=sys.stderr)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tracks", type=Path, help="folder that keeps tracked clips")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hour", action="store_true", help="also an hour of speech (minutes)")
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.child:
        draw_file(args.child)
        return
    model = MotionModel.from_pretrained("small")
    clips = load_clips(args.tracks) if args.tracks else []
    found = [*speeds(model), *judged(model, clips), *memory(args.threads, args.hour)]
    report("motion_speed", 0, found, args.keep)


if __name__ == "__main__":
    main()
