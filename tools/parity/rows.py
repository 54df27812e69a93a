"""One comparison with the published code, and how a table of them is made, shown and judged."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

BAR = 1e-4


@dataclass(frozen=True)
class Row:
    """One comparison; `error` is absolute, `relative` over `largest`, the largest published magnitude."""

    variant: str
    stage: str
    error: float
    relative: float
    largest: float

    @property
    def holds(self) -> bool:
        """Whether the two agree; nan does not."""
        return self.relative <= BAR


def row_of(variant: str, stage: str, published: Tensor, own: Tensor) -> Row:
    """Their difference; nan anywhere makes it nan, which is no pass."""
    largest = float(published.abs().max())
    error = float((own.reshape(published.shape) - published).abs().max())
    return Row(variant, stage, error, error / largest, largest)


def show(row: Row, *, judged: bool = True) -> None:
    """Print a row; one that is judged and fails is marked."""
    mark = "  above 1e-4" if judged and not row.holds else ""
    print(f"{row.variant:18} {row.stage:34} {row.error:9.1e} {row.relative:9.1e}{mark}", flush=True)


def write(path: Path, rows: Sequence[Row]) -> None:
    """The rows as JSON."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def read_arguments(
    parser: argparse.ArgumentParser, variants: Sequence[str], default: str
) -> tuple[argparse.Namespace, list[str]]:
    """Add --variants, --seed and --json, read the command line; its settings and the wanted variants."""
    parser.add_argument("--variants", default=default, help=f"of {', '.join(variants)}; default {default}")
    parser.add_argument("--seed", type=int, default=0, help="of weights and inputs")
    parser.add_argument("--json", type=Path, help="write the rows here")
    args = parser.parse_args()
    wanted = args.variants.split(",")
    if unknown := [name for name in wanted if name not in variants]:
        parser.error(f"unknown variants {', '.join(unknown)}; there are {', '.join(variants)}")
    return args, wanted
