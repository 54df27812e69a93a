"""report.html of an avatar: how its learning went and how like the person it is. One file, nothing loaded."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from mimictalk.adapt_charts import STYLE as CHARTS
from mimictalk.adapt_charts import Points, line_chart
from mimictalk.durations import show_duration
from mimictalk.evaluating.sheets import evenly_spread

if TYPE_CHECKING:
    import numpy as np

    from mimictalk.adapt_sample import Sample
    from mimictalk.judgement import Judgement
    from mimictalk_adapt import AdaptResult

COLUMNS, TILE = 6, 256
INK: dict[str, Any] = {"fill": (255, 255, 0), "stroke_width": 1, "stroke_fill": (0, 0, 0)}
STYLE = """
:root { color-scheme: light dark; } body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto;
  max-width: 1100px; padding: 0 1em; color: light-dark(#111, #ddd); background: light-dark(#fff, #16181c); }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.8em; } table { border-collapse: collapse; }
td, th { padding: .15em .8em .15em 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid light-dark(#ddd, #333); } th { font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { background: light-dark(#f4f4f4, #22252b); padding: .8em; white-space: pre-wrap; }
img { max-width: 100%; } .none, .note { color: light-dark(#666, #999); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 1em; }
"""
MEANING = {
    "psnr": ("PSNR, dB", "whole picture; higher is better"),
    "psnr_mouth": ("PSNR of the mouth, dB", "a square round the mouth; higher is better"),
    "score": ("held-out score", "the picture loss that chose the best point; lower is better"),
    "head_iou": ("head outline", "overlap of the drawn head with its mask; 1 is perfect"),
    "ssim": ("SSIM", "structure of the brightness; 1 is perfect"),
    "sharpness": ("sharpness", "fine detail of the face over the true frame's; near 1"),
    "gmsd": ("GMSD", "how unevenly edges of the face differ; lower is better"),
    "lmd": ("LMD, pixels of 512", "lips' key points, place aside; lower is better"),
    "mouth_correlation": ("mouth correlation", "drawn against true opening; 1 is perfect"),
    "faces_found": ("faces found", "share of drawn frames in which the detector sees a face"),
}

WORK = {
    "loss": "drawing and comparing",
    "backward": "gradients",
    "optimiser": "optimiser",
    "looks": "looks at held-out frames",
    "saving": "saving the state",
}


def report_page(
    card: str,
    result: "AdaptResult",
    sample: "Sample",
    settings: Mapping[str, Any],
    clip: Mapping[str, Any],
    warnings: Sequence[str],
    spent: Mapping[str, Any],
    judgements: "Sequence[Judgement]" = (),
) -> str:
    """The page.

    Args:
        card: The model card.
        result: What the run did.
        sample: Frames true and drawn.
        settings: Facts of the run.
        clip: Facts of the clip.
        warnings: What was odd about clip or run.
        spent: Time by stage, and memory.
        judgements: On the clip.
    """
    title = next((line[2:] for line in card.splitlines() if line.startswith("# ")), "avatar")
    parts = [f"<h1>{escape(title)}</h1>", _summary(result, settings)]
    if warnings:
        listed = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
        parts.append(f"<h2>Remarks on the clip and the run</h2><ul>{listed}</ul>")
    if judgements:
        parts += ["<h2>The clip</h2>", _judged(judgements)]
    parts += ["<h2>True and drawn</h2>", _sheet(sample, mouths=False), _sheet(sample, mouths=True)]
    note = (
        "Numbers under the frames are their places in the clip; a star marks one that was not learned from."
    )
    parts.append(f'<p class="note">{note}</p>')
    parts += ["<h2>Figures</h2>", '<div class="pair">', _held_out(result), _figures_of(sample), "</div>"]
    parts += ["<h2>The mouth</h2>", _mouth_chart(sample)]
    parts += ["<h2>Learning</h2>", *_learning_charts(result)]
    parts += ["<h2>Time and memory</h2>", '<div class="pair">', _table(_flat(spent)), _step_times(result)]
    parts.append("</div>")
    parts += [
        "<h2>Settings</h2>",
        '<div class="pair">',
        _table(_flat(settings)),
        _table(_flat(clip)),
        "</div>",
    ]
    parts.append(f"<h2>Model card</h2><pre>{escape(_without_front_matter(card))}</pre>")
    body = "\n".join(parts)
    width = '<meta name="viewport" content="width=device-width">'
    head = f'<meta charset="utf-8">{width}<title>{escape(title)}</title><style>{STYLE}{CHARTS}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{body}\n</body></html>\n'


def _judged(judgements: "Sequence[Judgement]") -> str:
    rows = (
        f"<tr><th>{escape(one.check)}</th><td>{escape(one.grade)}</td><td>{escape(one.found)}</td>"
        f"<td>{escape(one.cure)}</td></tr>"
        for one in judgements
    )
    return f"<table>{''.join(rows)}</table>"


def _summary(result: "AdaptResult", settings: Mapping[str, Any]) -> str:
    text = f"{result.steps} steps in {show_duration(result.seconds)}"
    if result.best:
        text += f"; the values are those of step {result.best_step}"
    if settings.get("frames"):
        text += f"; {settings['frames']} frames, {settings.get('held_out_frames', 0)} of them held out"
    return f"<p>{escape(text)}.</p>"


def _held_out(result: "AdaptResult") -> str:
    if not result.best:
        return '<p class="none">No frames were held out: the clip is too short.</p>'
    first = result.held_out[0][2]
    rows = [
        f"<tr><th>{escape(label)}</th><td class='number'>{first[name]:.4g}</td>"
        f"<td class='number'>{result.best[name]:.4g}</td><td>{escape(meaning)}</td></tr>"
        for name, (label, meaning) in MEANING.items()
        if name in result.best
    ]
    head = "<tr><th>held-out frames</th><th>start</th><th>best</th><th></th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _step_times(result: "AdaptResult") -> str:
    """Where the time of learning went, as milliseconds of work per step."""
    if not result.steps or not result.spent:
        return ""
    each = {WORK.get(kind, kind): 1e3 * seconds / result.steps for kind, seconds in result.spent.items()}
    rows = [
        f"<tr><th>{escape(kind)}</th><td class='number'>{time:.3g}</td></tr>"
        for kind, time in sorted(each.items(), key=lambda item: -item[1])
    ]
    return f"<table><tr><th>work of a step</th><th>ms</th></tr>{''.join(rows)}</table>"


def _figures_of(sample: "Sample") -> str:
    figures = sample.figures()
    rows = [
        f"<tr><th>{escape(label)}</th><td class='number'>{figures[name]:.4g}</td>"
        f"<td>{escape(meaning)}</td></tr>"
        for name, (label, meaning) in MEANING.items()
        if name in figures
    ]
    head = f"<tr><th>{len(sample.numbers)} frames of the clip</th><th></th><th>mostly learned from</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _mouth_chart(sample: "Sample") -> str:
    true, drawn = sample.openings()
    curves: dict[str, Points] = {
        name: [(float(x), float(y)) for x, y in zip(sample.numbers, values, strict=True)]
        for name, values in (("true", true), ("drawn", drawn))
    }
    return line_chart("opening of the mouth, in distances between the eyes", curves, "frame")


def _learning_charts(result: "AdaptResult") -> list[str]:
    loss: dict[str, Points] = {"loss": [(step, terms["loss"]) for step, terms in result.curve]}
    charts = [line_chart("loss of single steps", loss, "steps")]
    for names, title in ((("psnr", "psnr_mouth"), "held-out PSNR, dB"), (("score",), "held-out score")):
        curves: dict[str, Points] = {
            MEANING[name][0]: [(step, numbers[name]) for step, _, numbers in result.held_out]
            for name in names
            if result.held_out
        }
        charts.append(line_chart(title, curves, "steps"))
    return charts


def _sheet(sample: "Sample", *, mouths: bool) -> str:
    """True frames over drawn ones, or their mouths, as one JPEG in the page."""
    import numpy as np
    from PIL import Image, ImageDraw

    from face3dmm.metrics import mouth_box

    held = [place for place, number in enumerate(sample.numbers) if number in sample.held_out]
    spread = evenly_spread(len(sample.numbers), COLUMNS - min(2, len(held)))
    places = sorted({*spread, *held[:: max(1, len(held) - 1)]})
    rows = []
    for frames in (sample.true, sample.drawn):
        boxes = [mouth_box(sample.landmarks[place], 512) if mouths else None for place in places]
        rows.append(
            np.concatenate([_tile(frames[p], box) for p, box in zip(places, boxes, strict=True)], axis=1)
        )
    picture = Image.fromarray(np.concatenate(rows))
    draw = ImageDraw.Draw(picture)
    for column, place in enumerate(places):
        number = sample.numbers[place]
        label = f"{number}{' *' if number in sample.held_out else ''}"
        draw.text((column * TILE + 4, 2 * TILE - 14), label, **INK)
    for row, name in enumerate(("true", "drawn")):
        draw.text((4, row * TILE + 2), name, **INK)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    data = base64.b64encode(buffer.getvalue()).decode()
    alt = "mouths, true over drawn" if mouths else "frames, true over drawn"
    return f'<p><img alt="{alt}" src="data:image/jpeg;base64,{data}"></p>'


def _tile(frame: "np.ndarray", box: tuple[int, int, int, int] | None) -> "np.ndarray":
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(frame).resize((TILE, TILE), Image.Resampling.LANCZOS, box=box))


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with their tables unfolded: {"a": {"b": 1}} -> {"a: b": 1}; without lists."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, list):
            continue  # curves are drawn
        if isinstance(value, Mapping):
            flat |= {f"{name}: {inner}": content for inner, content in value.items()}
        else:
            flat[name] = value
    return flat


def _table(facts: Mapping[str, Any]) -> str:
    shown = {
        name: f"{v:.5g}" if isinstance(v, float) else str(v) for name, v in facts.items() if v is not None
    }
    rows = (
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(text)}</td></tr>"
        for name, text in shown.items()
    )
    return f"<table>{''.join(rows)}</table>"


def _without_front_matter(card: str) -> str:
    return card.split("---\n", 2)[-1] if card.startswith("---\n") else card
