"""The page needs no other file, shows every figure, and takes names from users as text."""

import json
import math
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from mimictalk.evaluating.figures import MEASURES, Figure
from mimictalk.evaluating.report import Evaluation, plot, write_report


class Page(HTMLParser):
    """Collects tags, what they load, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.loads, self.words = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.words += data


def test_page(tmp_path):
    figures = [Figure(key, 0.25) for key in MEASURES if key != "fid"] + [
        Figure("fid", None, "give <weights>")
    ]
    facts = {"name": "<script>alert(1)</script>", "against": "a&b.mp4", "frames": 3}
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "frames.png")
    evaluation = Evaluation(facts, figures, {"MimicTalk": "Method  PSNR"}, {"Mouth": {"clip": [0.0, 1.0]}})
    write_report(tmp_path, evaluation, [tmp_path / "frames.png"])
    page = Page()
    page.feed((tmp_path / "report.html").read_text())
    assert "script" not in page.tags
    assert page.tags.count("img") == page.tags.count("svg") == 1
    assert all(load.startswith("data:image/png;base64,") for load in page.loads)
    assert facts["name"] in page.words
    assert "none: give <weights>" in page.words
    for key in MEASURES:
        assert MEASURES[key].label in page.words
    stored = json.loads((tmp_path / "evaluation.json").read_text())
    assert stored["figures"]["fid"]["reason"] == "give <weights>"
    assert stored["figures"]["psnr"]["value"] == 0.25


def test_a_plot_leaves_gaps_and_keeps_scale():
    svg = plot({"a": [0.0, 1.0, math.nan, 1.0, 0.0], "b": [0.5] * 5})
    first, second = (part.split('"')[0] for part in svg.split('<path d="')[1:])
    assert first.count("M") == 2  # it starts again after the gap
    heights = [float(point.split()[-1]) for point in second.replace("M", "L").split("L")[1:]]
    assert set(heights) == {65.0}  # half way between the rims at 10 and 120
    assert plot({"a": [math.nan]}) == "<p>nothing to draw</p>"
