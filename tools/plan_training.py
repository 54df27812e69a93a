"""Plan a training run: device hours, price, network and storage of a recipe.

    .venv/bin/python tools/plan_training.py full_motion --operations-per-second R --devices 1 8 --link-mb-s L
    .venv/bin/python tools/plan_training.py small_i2p --run facts.json --shards SHARDS

How long an item takes is measured (`--run`: what `mimictalk --json train` printed) or follows from the item's
operations, which are counted, and from the rate that the user has seen such networks reach on the device
(`--operations-per-second`; there is no default). What a frame takes in the shards is measured in a folder of
them (`--shards`). A Markdown table goes to stdout with the arithmetic below it, JSON with --json.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from scaling.operations import Counted, count_recipe
from scaling.training_cost import Rates, Run, training_cost


def read_recipe(name: str) -> Any:
    """Settings of a recipe or settings file of either package."""
    from portrait3d.training.settings import TrainingSettings as Portrait
    from talk_motion.training.settings import TrainingSettings as Talk

    try:
        return Portrait.read(name)
    except ValueError as portrait:
        try:
            return Talk.read(name)
        except ValueError as talk:
            raise SystemExit(f"{portrait}\n{talk}") from None


def measured_item_s(facts: Path, batch: int) -> float:
    """Seconds of one item, of a run in one process."""
    told = json.loads(facts.read_text())
    steps = told["steps"] - told["resumed_at"]
    if steps < 1:
        raise SystemExit(f"{facts}: no step was made")
    return told["seconds"] / steps / batch


def measured_frame_bytes(folder: Path) -> float:
    """Bytes of a frame in a folder of shards, of portraits or of speech."""
    from safetensors import safe_open

    size = frames = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(str(path), framework="pt") as file:
            frames += file.get_slice("expression").get_shape()[-2]
        size += path.stat().st_size
    if not frames:
        raise SystemExit(f"{folder}: no shard is here")
    return size / frames


def main(arguments: list[str] | None = None) -> int:
    """Print the plan; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", help="settings file, or a recipe such as full_motion")
    rate = parser.add_mutually_exclusive_group(required=True)
    rate.add_argument("--operations-per-second", type=float, help="that such networks reach on one device")
    rate.add_argument("--run", type=Path, help="what `mimictalk --json train` printed, of one process")
    parser.add_argument("--devices", type=int, nargs="+", default=[1])
    parser.add_argument("--link-mb-s", type=float, help="that one device sends to the others, where several")
    parser.add_argument("--price", type=float, default=0.0, help="of a device's hour")
    parser.add_argument("--shards", type=Path, help="folder in which the size of a frame is measured")
    parser.add_argument("--hours", type=float, default=0.0, help="of video in the data sets")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.link_mb_s is None and max(options.devices) > 1:
        parser.error("several devices exchange gradients: give --link-mb-s")
    settings = read_recipe(options.recipe)
    optimisation = settings.optimisation
    try:
        counted = count_recipe(settings)
    except ValueError as error:
        if options.run is None:
            raise SystemExit(f"{options.recipe}: {error}; give --run") from None
        counted = Counted(0.0, 0, 0, 0, "not counted: neither network nor state are in the table")
    if options.run is not None:
        item_s = measured_item_s(options.run, optimisation.batch)
        said = f"{item_s:.4g} s per item, measured"
    else:
        item_s = counted.operations / options.operations_per_second
        said = (
            f"{counted.arithmetic} = {counted.operations / 1e9:,.0f} G operations per item; "
            f"/ {options.operations_per_second:.3g} per second = {item_s:.4g} s"
        )
    frame = measured_frame_bytes(options.shards) if options.shards else 0.0
    run = Run(
        optimisation.steps, optimisation.batch, counted.trained, counted.parameters, counted.frames,
        getattr(optimisation, "parallel", "ddp"),
    )  # fmt: skip
    rows = []
    for devices in options.devices:
        rates = Rates(devices, item_s, options.link_mb_s or 1.0, options.price, frame, options.hours)
        try:
            rows.append((devices, training_cost(run, rates)))
        except ValueError as error:
            raise SystemExit(f"{options.recipe}: {error}") from None
    if options.json:
        print(json.dumps([{"recipe": options.recipe, "devices": n, **asdict(cost)} for n, cost in rows]))
        return 0
    print(
        "| devices | s per step | hours | device hours | price | sent GB/step | exchange | read MB/s |",
        end="",
    )
    print(" shards TB | state GB |\n" + "|---" * 10 + "|")
    for n, cost in rows:
        print(
            f"| {n} | {cost.step_s:.3g} | {cost.hours:,.1f} | {cost.device_hours:,.1f} | {cost.price:,.0f} "
            f"| {cost.exchanged_gb:.3g} | {cost.exchange_share:.0%} | {cost.read_mb_s:.3g} "
            f"| {cost.shards_tb:.3g} | {cost.state_gb:.3g} |"
        )
    print(f"\n{said}. {run.steps:,} steps of {run.batch} items; {run.trained / 1e6:.2f} M numbers learn.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
