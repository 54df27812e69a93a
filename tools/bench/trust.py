"""Measures the marks of videos: signatures, one-byte edits, and the watermark under attack.

    .venv/bin/python tools/bench/trust.py --renders 20 --edits 100 --clips 10 --unmarked 20

Clips are synthetic and made on the spot; they go through the app's own marking, coding and signing, without the
portrait model. Edits change one bit in index, picture or sound. A watermark counts as found when its 64 bits are
right; on unmarked clips any payload is a false alarm. With 0 failures in n trials the rate is below 3/n (95 %).
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from skimage.metrics import peak_signal_noise_ratio

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import Figure, figure, report
from bench.trust_clips import ATTACKS, changed_byte, clip, coded, media_bytes
from mimictalk.console import Console
from mimictalk.content_credentials import read_credentials
from mimictalk.marks import now
from mimictalk.provenance import Origin, Provenance
from mimictalk.render_job import RenderSettings
from mimictalk.signing_key import data_folder
from mimictalk.video_settings import PIPE
from mimictalk.video_writer import VideoWriter
from mimictalk.watermark import Watermark
from mimictalk.watermark_detection import detect

UNMARKED = 1_000_000  # seeds of unmarked clips begin here
WRITTEN_CRF = 18  # as the app writes
PSNR_DB, EMBED_MS, FOUND = 42.0, 3.0, 0.99


def main() -> None:
    """Measure and print."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--renders", type=int, default=20, help="videos that are signed")
    told.add_argument("--edits", type=int, default=100, help="one-bit edits, spread over the signed videos")
    told.add_argument("--clips", type=int, default=10, help="marked clips per attack")
    told.add_argument("--unmarked", type=int, default=20, help="unmarked clips per attack")
    told.add_argument("--frames", type=int, default=64, help="of each clip")
    told.add_argument("--workers", type=int, default=1, help="processes")
    told.add_argument("--seed", type=int, default=0)
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    given = told.parse_args()
    figures = [*signatures(given.renders, given.edits, given.seed), *cost(given.seed)]
    with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
        for seed, count, marked in ((given.seed, given.clips, True), (UNMARKED, given.unmarked, False)):
            work = partial(found, frames=given.frames, marked=marked)
            results = []
            for result in pool.imap_unordered(work, range(seed, seed + count)):
                results.append(result)
                print(f"{'marked' if marked else 'unmarked'}: {len(results)}/{count}", file=sys.stderr)
            figures += rates(results, marked)
    report(
        "trust", given.seed, figures, given.keep, f"{given.workers} processes, {given.frames} frames a clip"
    )


def signatures(renders: int, edits: int, seed: int) -> list[Figure]:
    """Sign videos and read them back; change single bits and see whether that is noticed."""
    rng, unsigned, unnoticed, edited = np.random.default_rng(seed), 0, 0, 0
    silent = Console(quiet=True, err=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        video, changed = Path(folder) / "video.mp4", Path(folder) / "changed.mp4"
        for index in range(renders):
            origin = Origin({}, avatar_sha256=rng.bytes(32).hex())
            provenance = Provenance(RenderSettings(audio=PIPE, out=video), origin, silent)
            still = SimpleNamespace(frames=lambda count, seed=seed + index: clip(seed, count))
            created = now()
            with VideoWriter(video, None, leader="picture", metadata=provenance.metadata(created)) as writer:
                for frame in provenance.marking(lambda still=still: still)().frames(3):
                    writer.write(frame)
            provenance.mark_file(video, created)
            read = read_credentials(video, "video/mp4")
            whole = read.state == "valid" and read.synthetic and read.signer == "here"
            unsigned += not (whole and read.render.get("avatarSha256") == origin.avatar_sha256)
            content, places = video.read_bytes(), np.concatenate([np.array(r) for r in media_bytes(video)])
            for _ in range((edits * (index + 1)) // renders - edited):
                edited += 1
                changed.write_bytes(changed_byte(content, int(rng.choice(places)), int(rng.integers(8))))
                unnoticed += read_credentials(changed, "video/mp4").state != "altered"
            print(f"signed: {index + 1}/{renders}, edits: {edited}", file=sys.stderr)
    print(f"key of this machine: {data_folder()}", file=sys.stderr)
    signed, noticed = "renders not validly signed", "one-bit edits not noticed"
    return [*failures(signed, unsigned, renders), *failures(noticed, unnoticed, edited)]


def cost(seed: int) -> list[Figure]:
    """What the watermark costs in quality and time."""
    rng = np.random.default_rng(seed)
    frames = [clip(seed + index, 1)[0] for index in range(20)]
    frames += [rng.integers(0, 256, (512, 512, 3), dtype=np.uint8)]
    watermark = Watermark(seed)
    quality = [float(peak_signal_noise_ratio(frame, watermark.embed(frame))) for frame in frames]
    times = []
    for _ in range(20):
        for frame in frames:
            began = time.thread_time()
            watermark.embed(frame)
            times.append(time.thread_time() - began)
    return [
        figure("PSNR of the watermark, worst", min(quality), "dB", goal=PSNR_DB),
        figure("PSNR of the watermark, median", float(np.median(quality)), "dB", goal=PSNR_DB),
        figure("time to embed, 512 x 512", 1e3 * float(np.median(times)), "ms", goal=EMBED_MS, most=True),
    ]


def found(seed: int, *, frames: int, marked: bool) -> dict[str, bool]:
    """For one clip and every attack: whether the watermark (marked: the right one) is found."""
    pictures, payload = clip(seed, frames), int.from_bytes(np.random.default_rng(seed).bytes(8), "big")
    if marked:
        watermark = Watermark(payload)
        pictures = [watermark.embed(frame) for frame in pictures]
    written, results = coded(pictures, WRITTEN_CRF), {}
    for name, attack in ATTACKS.items():
        read = detect(frame.astype(np.float32).mean(2) for frame in attack(written)).payload
        results[name] = read == payload if marked else read is not None
    return results


def rates(results: list[dict[str, bool]], marked: bool) -> list[Figure]:
    """How often the mark was found per attack: wanted on marked clips, not on others."""
    figures: list[Figure] = []
    for name in ATTACKS if results else ():
        hits = sum(result[name] for result in results)
        if marked:
            figures.append(figure(f"found, {name}", hits / len(results), f"of {len(results)}", goal=FOUND))
        else:
            figures += failures(f"false alarms, {name}", hits, len(results))
    return figures


def failures(name: str, failed: int, tried: int) -> list[Figure]:
    """The number of failures, and below what rate they are where there was none (rule of three)."""
    if not tried:
        return [figure(name, None, "of 0", goal=0, most=True, reason="none was tried")]
    count = figure(name, float(failed), f"of {tried}", goal=0, most=True)
    if failed:
        return [count]
    return [count, figure(f"{name}, rate below (95 %)", 3 / tried, "share")]


if __name__ == "__main__":
    main()
