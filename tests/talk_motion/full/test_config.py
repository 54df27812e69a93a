"""Sizes and sampling refuse what cannot be."""

import pytest

from talk_motion.full.config import FlowVaeConfig, FullSampling, InContextConfig


def test_the_published_schedule_makes_76_passes():
    assert FullSampling.published().passes == 76
    assert FullSampling.published(style_strength=1).passes == 38
    assert FullSampling().passes == 8
    assert FullSampling(3, "euler", style_strength=1).passes == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: InContextConfig(width=0), "width must be .* got 0"),
        (lambda: InContextConfig(head_width=7), "head_width must be even, got 7"),
        (lambda: InContextConfig(position_kernel=4), "position_kernel must be odd, got 4"),
        (lambda: InContextConfig(hears_manner=1), "hears_manner"),
        (lambda: FlowVaeConfig(kernel=4), "kernel must be odd, got 4"),
        (lambda: FlowVaeConfig(latent=5), "latent must be even, got 5"),
        (lambda: FullSampling(steps=0), "steps .* got 0"),
        (lambda: FullSampling(method="rk4"), "method .* 'rk4'"),
        (lambda: FullSampling(temperature=float("nan")), "temperature .* nan"),
        (lambda: FullSampling(style_strength=-1), "style_strength .* -1"),
    ],
)
def test_bad_values_are_quoted(make, words):
    with pytest.raises(ValueError, match=words):
        make()
