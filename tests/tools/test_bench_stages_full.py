"""The bench of the stages of `full`: every stage of a frame and of a step at tiny sizes, and what it counts."""

import pytest

from bench.stages_full import PARTS, decoded, drawing, learning
from portrait3d.full.head_renderer import FullDecoder
from tiny_full import TINY, TINY_HEAD


def test_every_stage_of_a_frame_is_timed():
    found = {each["name"]: each for each in drawing(1, TINY)}
    names = {name.removeprefix("full render/") for name in found}
    networks = set(PARTS) - {"alpha"}  # the tiny model's fusion asks for none
    assert names == {"matrix products", "copying", "motion adapter", "rays", "composition", "all"} | networks
    stages = [
        each for name, each in found.items() if each["unit"] == "ms of CPU" and not name.endswith("/all")
    ]
    assert sum(each["value"] for each in stages) == pytest.approx(found["full render/all"]["value"])
    counted = [each for name, each in found.items() if name.split("/")[1] in networks]
    assert all(each["baseline"] > 0 for each in counted)


def test_a_step_is_drawn_judged_and_learned_from():
    found = {each["name"]: each["value"] for each in learning(1, TINY)}
    stages = [found[f"full adapt/{name}"] for name in ("drawing", "loss", "backward", "Adam")]
    assert all(value > 0 for value in stages)
    assert found["full adapt/all"] == pytest.approx(sum(stages))


def test_the_decoder_counts_two_per_weight_and_sample():
    config = TINY_HEAD
    weights = [value.numel() for value in FullDecoder(config).parameters() if value.ndim == 2]
    samples = config.samples + config.importance_samples
    assert decoded(config, FullDecoder(config), 100) * 1e9 == pytest.approx(2 * sum(weights) * 100 * samples)
