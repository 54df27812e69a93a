"""Curves as SVG: for the live preview and the report, light and dark."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from math import ceil, floor, isfinite, log10

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 230, 56, 34, 14
STYLE = """
svg.chart { font: 12px system-ui, sans-serif; max-width: 100%; height: auto; --ink: #333; --grid: #ddd;
  --line0: #1d4ed8; --line1: #c2410c; --line2: #15803d; --line3: #7e22ce; }
@media (prefers-color-scheme: dark) { svg.chart { --ink: #ccc; --grid: #444; --line0: #7aa7ff;
  --line1: #ff9d5c; --line2: #6ee7a0; --line3: #d8a6ff; } }
.chart text { fill: var(--ink); } .chart .grid { stroke: var(--grid); stroke-width: 1; }
.chart path { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
"""


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers between two, 1, 2 or 5 times a power of ten apart."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** floor(log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    return [round(i * step, 12) for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def line_chart(title: str, curves: Mapping[str, Points], x_label: str) -> str:
    """An SVG of curves that share both axes; a point that is no finite number leaves a gap.

    Args:
        title: For people who cannot see it, too.
        curves: Name to (x, y) points.
        x_label: Of the horizontal axis.
    """
    points = [(x, y) for curve in curves.values() for x, y in curve if isfinite(y)]
    if not points:
        return f'<p class="none">{escape(title)}: nothing to draw</p>'
    low_x, high_x = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    margin = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
    low, high = low - margin, high + margin

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / ((high_x - low_x) or 1)
        return LEFT + across * (WIDTH - LEFT - 10), TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for value in ticks(low, high):
        _, y = place(low_x, value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - 10}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in ticks(low_x, high_x, 8):
        x, _ = place(value, low)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 17}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<text x="{WIDTH - 10}" y="{HEIGHT - 3}" text-anchor="end">{escape(x_label)}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        colour = f"var(--line{number % 4})"
        parts.append(f'<path d="{_line(curve, place)}" style="stroke:{colour}"/>')
        x = LEFT + 8 + number * 150
        parts.append(f'<text x="{x}" y="{HEIGHT - 3}" style="fill:{colour}">{escape(name)}</text>')
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}<title>{escape(title)}</title>{''.join(parts)}</svg>"


def chart_file(chart: str) -> str:
    """A chart that stands alone in a file."""
    return chart.replace("<title>", f"<style>{STYLE}</style><title>", 1)


def _line(curve: Points, place: Callable[[float, float], tuple[float, float]]) -> str:
    path, pen = [], "M"
    for x, y in curve:
        if not isfinite(y):
            pen = "M"
            continue
        across, down = place(x, y)
        path.append(f"{pen}{across:.1f} {down:.1f}")
        pen = "L"
    return "".join(path)
