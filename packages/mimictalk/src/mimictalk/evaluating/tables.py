"""The figures in the columns that papers print, as plain text."""

from collections.abc import Mapping, Sequence

from mimictalk.evaluating.figures import MEASURES, Figure

# Ye et al. 2024 (Real3D-Portrait), driven by video; Ye et al. 2024 (MimicTalk), main table; and the
# columns in which others have measured MimicTalk since (Li et al. 2025, InsTaG).
SAME_IDENTITY = {
    "Real3D-Portrait, same identity": ("psnr", "ssim", "lpips", "csim", "fid", "aed", "apd"),
    "MimicTalk": ("csim", "psnr", "fid", "aed", "sync_confidence"),
    "InsTaG": ("psnr", "psnr_face", "lpips", "lmd", "sync_confidence"),
}
CROSS_IDENTITY = {"Real3D-Portrait, cross identity": ("csim", "fid", "aed", "apd")}
ARROWS = {"higher": "↑", "lower": "↓", "near 1": "→1", "near 0": "→0"}
NOTE = (
    "AED and APD are distances of our face model's coefficients; in papers they are those of another model."
)


def table(figures: Mapping[str, Figure], columns: Sequence[str], name: str) -> str:
    """One row of figures under its heads; a dash where there is no value."""
    heads = ["Method", *(MEASURES[key].label + ARROWS[MEASURES[key].better] for key in columns)]
    cells = [name, *(show(figures[key].value) for key in columns)]
    widths = [max(len(head), len(cell)) for head, cell in zip(heads, cells, strict=True)]
    rows = (heads, ["-" * width for width in widths], cells)
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def tables(figures: Sequence[Figure], name: str, *, cross: bool) -> dict[str, str]:
    """Title to text of every layout that fits the protocol; `name` stands in the first column."""
    by_key = {figure.key: figure for figure in figures}
    layouts = CROSS_IDENTITY if cross else SAME_IDENTITY
    return {title: table(by_key, columns, name) for title, columns in layouts.items()}


def show(value: float | None) -> str:
    """A number as tables have it: 27.31, 0.138; a dash for none."""
    if value is None:
        return "-"
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.3f}"
