"""Train portrait3d's embedded weights on synthetic heads: three stages, one after the other.

    python tools/synthetic_heads/make.py --people 400 --frames 9 --views 3 --seed 21 --out VIEWS --part 0/2 &
    python tools/synthetic_heads/make.py --people 400 --frames 9 --views 3 --seed 21 --out VIEWS --part 1/2
    python tools/synthetic_heads/make.py --people 400 --frames 10 --seed 11 --out FRAMES
    torchrun --nproc-per-node 2 tools/train_portrait3d.py --views VIEWS --frames FRAMES --out RUN

Each stage is what `mimictalk train STAGE --config small_STAGE` does, and goes on where it was stopped. The
weights of the last stage are RUN/torso/small.safetensors and small.json.
"""

import argparse
import sys
from pathlib import Path

STAGES = ("i2p", "motion", "torso")


def main(arguments: list[str] | None = None) -> int:
    """Run the stages that are not done yet; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--views", type=Path, required=True, help="shards of moments seen from several sides")
    parser.add_argument("--frames", type=Path, required=True, help="shards of single frames")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", default="small", help="recipes: small or tiny")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    options = parser.parse_args(arguments)

    from mimictalk.console import Console
    from mimictalk.training_job import TrainJob, run_training

    # Torsos turn with the head where views are made; only single frames show how they follow it.
    shards = {
        "i2p": [options.views],
        "motion": [options.views, options.frames],
        "torso": [options.frames],
    }
    start = None
    for stage in STAGES:
        config, out = f"{options.preset}_{stage}", options.out / stage
        facts = run_training(
            TrainJob(stage, config, shards[stage], out, start, device=options.device), Console()
        )
        print(f"{stage}: {facts['steps']} steps, {facts['seconds']} s, {facts['loss']}", file=sys.stderr)
        start = str(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
