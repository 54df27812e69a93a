"""The evaluation as one HTML page that needs nothing beside it, and as JSON."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from mimictalk.evaluating.figures import Figure
from mimictalk.evaluating.tables import ARROWS, NOTE, show

KIND = "mimictalk-evaluation"
WIDTH, HEIGHT = 1100, 130
COLOURS = ("#000000", "#c2410c", "#1d4ed8")
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1120px; }
body { color: #111; background: #fff; } table { border-collapse: collapse; }
td, th { padding: .2em .8em; border-bottom: 1px solid #ddd; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } td.none { color: #777; }
pre { background: #f4f4f4; padding: .8em; overflow-x: auto; } img, svg { max-width: 100%; }
"""


@dataclass(frozen=True)
class Evaluation:
    """Everything that is told about one evaluation.

    Attributes:
        facts: What was compared with what, JSON-able.
        figures: In the order of the report.
        tables: Title to text.
        curves: Title to the curves of a plot, name to one number per frame; NaN leaves a gap.
    """

    facts: dict[str, Any]
    figures: Sequence[Figure]
    tables: Mapping[str, str]
    curves: Mapping[str, Mapping[str, Sequence[float]]]

    def as_json(self) -> dict[str, Any]:
        """For the JSON report and `--json`."""
        figures = {figure.key: figure.as_json() for figure in self.figures}
        return {"kind": KIND, **self.facts, "figures": figures, "tables": dict(self.tables)}


def write_report(folder: Path, evaluation: Evaluation, sheets: Sequence[Path]) -> None:
    """Write evaluation.json and report.html; the pictures of `sheets` are put into the page."""
    text = json.dumps(evaluation.as_json(), indent=1) + "\n"
    (folder / "evaluation.json").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(_page(evaluation, sheets), encoding="utf-8")


def _page(evaluation: Evaluation, sheets: Sequence[Path]) -> str:
    facts = evaluation.facts
    title = f"{facts['name']} against {facts['against']}"
    parts = [f"<h1>{escape(title)}</h1>", _facts(facts), "<h2>Figures</h2>", _figures(evaluation.figures)]
    parts.append("<h2>As papers print them</h2>")
    parts += [f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>" for name, text in evaluation.tables.items()]
    parts.append(f"<p>{escape(NOTE)}</p>")
    for name, curves in evaluation.curves.items():
        parts.append(f"<h2>{escape(name)}</h2>{plot(curves)}")
    parts.append("<h2>Frames</h2>")
    parts += [_picture(path) for path in sheets]
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _facts(facts: Mapping[str, Any]) -> str:
    rows = (
        f"<tr><th>{escape(key)}</th><td>{escape(str(value))}</td></tr>"
        for key, value in facts.items()
        if isinstance(value, str | int | float) and key != "name"
    )
    return f"<table>{''.join(rows)}</table>"


def _figures(figures: Sequence[Figure]) -> str:
    rows = []
    for figure in figures:
        measure = figure.measure
        value = (
            f'<td class="none" colspan="3">none: {escape(str(figure.reason))}</td>'
            if figure.value is None
            else f'<td class="number">{show(figure.value)}</td><td>{escape(measure.unit)}</td>'
            f"<td>{'true clip: ' + show(figure.true) if figure.true is not None else ''}</td>"
        )
        label = escape(measure.label + " " + ARROWS[measure.better])
        rows.append(f"<tr><th>{label}</th>{value}<td>{escape(measure.meaning)}</td></tr>")
    return f"<table>{''.join(rows)}</table>"


def _picture(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<p>{escape(path.stem)}</p><img alt="{escape(path.stem)}" src="data:image/png;base64,{data}">'


def plot(curves: Mapping[str, Sequence[float]]) -> str:
    """Curves over the frames as SVG; all of one plot share their scale."""
    finite = [value for values in curves.values() for value in values if value == value]
    if not finite:
        return "<p>nothing to draw</p>"
    low, high = min(finite), max(finite)
    scale = (HEIGHT - 20) / (high - low) if high > low else 0.0
    lines, names = [], []
    for number, (name, values) in enumerate(curves.items()):
        colour, step = COLOURS[number % len(COLOURS)], WIDTH / max(1, len(values) - 1)
        path, pen = [], "M"
        for index, value in enumerate(values):
            if value != value:
                pen = "M"
                continue
            path.append(f"{pen}{index * step:.1f} {HEIGHT - 10 - (value - low) * scale:.1f}")
            pen = "L"
        lines.append(f'<path d="{" ".join(path)}" fill="none" stroke="{colour}"/>')
        names.append(f'<span style="color:{colour}">{escape(name)}</span>')
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(lines)}</svg>'
    return f"<p>{', '.join(names)}; {show(low)} to {show(high)}</p>{svg}"
