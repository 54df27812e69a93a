"""Make shards of synthetic heads:  python tools/synthetic_heads/make.py --people 200 --frames 24 --out DIR"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(arguments: list[str] | None = None) -> int:
    """Write the shards that are not there yet; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200, help="number of people, one shard each")
    parser.add_argument("--frames", type=int, default=24, help="frames per person")
    parser.add_argument(
        "--views", type=int, help="views of each moment: frames / views moments, the first at rest, each from"
        " several sides in a light that turns with the head; default: every frame another moment",
    )  # fmt: skip
    parser.add_argument("--clips", action="store_true", help="frames that follow one another at 25 fps")
    parser.add_argument("--size", type=int, default=512, help="pixels")
    parser.add_argument("--out", type=Path, required=True, help="folder for person_00000.safetensors, ...")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--part", default="0/1", help="k/n: make every n-th shard from the k-th, for n processes"
    )
    options = parser.parse_args(arguments)
    if options.people < 1 or options.frames < 1 or not 64 <= options.size <= 2048 or options.seed < 0:
        parser.error("--people and --frames must be positive, --size 64..2048, --seed not negative")
    if options.views is not None and (options.views < 1 or options.frames % options.views or options.clips):
        parser.error("--views must divide --frames and does not go with --clips")
    try:
        first, stride = (int(v) for v in options.part.split("/"))
    except ValueError:
        parser.error(f"--part must look like 0/2, got {options.part!r}")
    if not 0 <= first < stride:
        parser.error(f"--part must have 0 <= k < n, got {options.part!r}")

    import torch

    torch.set_num_threads(1)
    from synthetic_heads.batches import make_clip, sample_batch, sample_views
    from synthetic_heads.shards import write_shard

    options.out.mkdir(parents=True, exist_ok=True)
    steps = range(first, options.people, stride)
    missing = [s for s in steps if not (options.out / f"person_{s:05d}.safetensors").exists()]
    print(f"{len(steps) - len(missing)} of {len(steps)} shards are there", file=sys.stderr)
    start = time.monotonic()
    for done, step in enumerate(missing, 1):
        if options.views:
            moments = options.frames // options.views
            sample = sample_views(options.seed, step, moments=moments, views=options.views, size=options.size)
        elif options.clips:
            sample = make_clip(options.seed * 1_000_003 + step, options.frames, size=options.size)
        else:
            sample = sample_batch(options.seed, step, frames=options.frames, size=options.size)
        write_shard(options.out / f"person_{step:05d}.safetensors", sample, seed=options.seed, step=step)
        used = time.monotonic() - start
        rest = used / done * (len(missing) - done)
        rate = done * options.frames / used
        print(
            f"\r{done}/{len(missing)} people, {rate:.1f} frames/s, {rest / 60:.1f} min left ",
            end="",
            file=sys.stderr,
        )
    print(file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
