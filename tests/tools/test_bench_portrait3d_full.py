"""The bench of `full` counts operations as they are defined and draws our frame at tiny sizes."""

import pytest
import torch
from torch import nn

from bench.frame_stages import clocked
from bench.portrait3d_full import Draw, count, decoder_operations, measure, our_frame
from portrait3d.full.folding import fold
from tiny_full import TINY, random_portrait

from portrait_head import conditions  # found through the bench
from portrait_torso import torso_inputs


def test_a_convolution_counts_two_per_weight_and_place():
    layer = nn.Conv2d(3, 5, 3, padding=1)
    counted, answer = count(lambda: layer(torch.zeros(1, 3, 8, 6)))
    assert counted * 1e9 == pytest.approx(2 * 3 * 5 * 9 * 8 * 6)
    assert answer.shape == (1, 5, 8, 6)


def test_the_fused_renderer_counts_its_decoder():
    sizes = [torch.Size(shape) for shape in ((64, 32), (64,), (33, 64), (33,))]
    rays = [torch.Size((2, 100, 3))]
    counted = decoder_operations(None, sizes, rays, None, None, [48, 48, 0, 0, 0, 0])
    assert counted == 2 * (64 * 32 + 33 * 64) * 2 * 100 * 96


@pytest.fixture
def frame():
    with torch.no_grad():
        model = fold(random_portrait(TINY))
        given = conditions(TINY, 0)
        planes = model.canonical_planes(given["head"])
        yield our_frame(model, planes, given, torso_inputs(TINY, 1))


def test_the_renderers_operations_are_in_the_frame(frame):
    counted, picture = count(frame[1])
    assert picture.shape == (1, 3, 64, 64)
    rays, samples = 16 * 16, 8
    decoder = 2 * rays * samples * (4 * 8 + 8 * 5) / 1e9
    assert counted > decoder > 0
    constants, _ = count(frame[0])
    assert constants > 0


def test_ours_alone_says_what_was_not_measured(frame):
    figures = {each["name"]: each for each in measure({"ours": frame[1]}, frame[0], 1)}
    assert figures["frame/operations"]["value"] > 0
    assert figures["frame/cpu_seconds"]["value"] > 0
    saved = figures["frame/operations_saved"]
    assert (saved["value"], saved["goal"], saved["holds"]) == (None, 12.0, None)
    assert "--published" in saved["reason"]


def test_both_are_compared_in_turns(frame):
    slower = Draw(frame[1].model, lambda: frame[1]() + 0 * frame[1]())
    figures = {each["name"]: each for each in measure({"published": slower, "ours": frame[1]}, frame[0], 1)}
    assert figures["frame/operations_saved"]["value"] == pytest.approx(50, abs=0.5)
    assert figures["frame/operations_saved"]["holds"]
    assert figures["frame/error"]["value"] == 0
    assert figures["frame/operations"]["baseline"] == pytest.approx(2 * figures["frame/operations"]["value"])


def test_stages_are_a_frames_parts_and_leave_no_hook(frame):
    with clocked(frame[1].model, published=False) as took:
        frame[1]()
    assert {"motion adapter", "rays", "torso warp", "last block"} <= set(took)
    assert "background encoder" not in took  # once per person
    assert all(seconds >= 0 for seconds in took.values())
    before = dict(took)
    frame[1]()
    assert took == before
