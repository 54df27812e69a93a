"""Plan a preprocessing run: time, price and bottleneck for 10^3 to 10^7 clips on N machines.

    .venv/bin/python tools/plan_scale.py --ledger SHARDS/progress.jsonl --nodes 1 10 100 --slots 16
    .venv/bin/python tools/plan_scale.py --seconds 6 7 9 --clips 1000000 --nodes 50 --store-mb-s 500

Unit times and failure rates come from the ledger of a small real run (`mimictalk preprocess`); how near such
a plan comes to a real run is measured by tools/bench/scale.py. A Markdown table goes to stdout, JSON with
--json.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from scaling.cluster import Cluster, Course, Workload, simulate


def measured(ledger: Path) -> tuple[tuple[float, ...], float, float]:
    """Seconds of finished units, share that failed, share of attempts that were lost, of a ledger."""
    seconds, failed, attempts, lines = [], 0, 0, {}
    for line in ledger.read_text().splitlines():
        entry = json.loads(line)
        lines[entry["name"]] = entry
    for entry in lines.values():
        attempts += entry["attempts"]
        if entry["done"]:
            seconds.append(entry["seconds"])
        else:
            failed += 1
    if not seconds:
        raise SystemExit(f"{ledger}: no unit was finished")
    return tuple(seconds), failed / len(lines), max(0.0, 1 - len(lines) / attempts)


def main(arguments: list[str] | None = None) -> int:
    """Print the plan; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    times = parser.add_mutually_exclusive_group(required=True)
    times.add_argument("--ledger", type=Path, help="progress.jsonl of a real run")
    times.add_argument("--seconds", type=float, nargs="+", help="measured seconds of units")
    parser.add_argument("--clips", type=int, nargs="+", default=[10**power for power in range(3, 8)])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--slots", type=int, default=16, help="units at once per machine")
    parser.add_argument("--megabytes", type=float, default=30.0, help="read and written per unit")
    parser.add_argument("--store-mb-s", type=float, default=1000.0)
    parser.add_argument("--node-failures-per-hour", type=float, default=0.01)
    parser.add_argument("--start-s", type=float, default=60.0)
    parser.add_argument("--price", type=float, default=1.0, help="of a machine's hour")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    seconds, failures, crashes = (
        measured(options.ledger) if options.ledger else (tuple(options.seconds), 0.0, 0.0)
    )
    rows: list[tuple[int, int, Course]] = []
    for clips in options.clips:
        work = Workload(clips, seconds, options.megabytes, failures, crashes)
        for nodes in options.nodes:
            cluster = Cluster(
                nodes, options.slots, options.start_s, options.node_failures_per_hour, options.store_mb_s,
                options.price,
            )  # fmt: skip
            rows.append((clips, nodes, simulate(cluster, work, options.seed)))
    if options.json:
        print(json.dumps([{"clips": clips, "nodes": nodes, **asdict(c)} for clips, nodes, c in rows]))
        return 0
    print("| clips | machines | hours | machine hours | price | repeated | slots busy | store busy | limit |")
    print("|---|---|---|---|---|---|---|---|---|")
    for clips, nodes, course in rows:
        print(
            f"| {clips:,} | {nodes} | {course.hours:,.2f} | {course.node_hours:,.1f} | {course.price:,.1f} "
            f"| {course.repeated:,} | {course.busy:.0%} | {course.store_busy:.0%} | {course.bottleneck} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
