"""What style strength does to a person's mouth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from talk_motion import MotionModel, MotionPrompt, generate
from talk_motion.features import extract_features
from talk_motion.mouthing import MOST_EXAGGERATED, USUAL_SPREAD, Mouth, manner_at
from talk_motion.rest import rest_mouth

Speech = Callable[..., np.ndarray]
OFFSET = torch.tensor([0.5, -1.0, 2.0])


def test_strength_one_is_the_person() -> None:
    factor, constant = manner_at(OFFSET, 1.9, 1.0)
    assert factor == 1
    torch.testing.assert_close(constant, OFFSET)


def test_strength_goes_one_way_from_the_usual_speaker_through_the_person() -> None:
    strengths = (0.0, 0.5, 1.0, 1.5, 2.0)
    wide = [manner_at(OFFSET, 1.3 * USUAL_SPREAD, s)[0] for s in strengths]
    narrow = [manner_at(OFFSET, USUAL_SPREAD / 1.3, s)[0] for s in strengths]
    assert wide == sorted(wide) and len(set(wide)) == 5
    assert narrow == sorted(narrow, reverse=True) and len(set(narrow)) == 5
    # At 0 the person opens as the usual speaker does: spread times factor is the usual spread.
    assert 1.3 * USUAL_SPREAD * wide[0] == pytest.approx(USUAL_SPREAD)
    for strength in strengths:
        constant = manner_at(OFFSET, 1.0, strength)[1]
        torch.testing.assert_close(constant[1:], strength * OFFSET[1:])
        assert constant[0] == OFFSET[0]  # where lips meet is no matter of style
    assert OFFSET.tolist() == [0.5, -1.0, 2.0]


@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e6])
def test_no_prompt_tears_a_mouth(spread: float) -> None:
    for strength in (0.0, 2.0, 5.0):
        assert 1 / MOST_EXAGGERATED <= manner_at(OFFSET, spread, strength)[0] <= MOST_EXAGGERATED


def test_lips_meet_where_the_prompt_s_meet_at_any_strength(
    speech: Speech, model: MotionModel, prompt: MotionPrompt
) -> None:
    sound = extract_features(speech(2.0))
    known = model.space.to_motion(prompt.motion.expression)[:, 0]
    for strength in (0.5, 2.0):
        mouth = Mouth(model, prompt, steps=1, style_strength=strength)
        drawn = mouth.draw(sound, torch.full((sound.frames, model.space.channels), -50.0))
        assert float(drawn[:, 0].min()) == pytest.approx(float(known.quantile(0.02)), abs=1e-4)


def test_shapes_beside_the_mouth_do_not_part_lips_at_rest(model: MotionModel, prompt: MotionPrompt) -> None:
    """A person's other shapes go on in silence; where they reach the lips, the mouth makes up for it."""
    gap = model.space.gap.clone()
    gap[60] = 0.1
    space = replace(model.space, gap=gap, encode=torch.cat([gap[None], model.space.encode[1:]]))
    wandering = prompt.motion.expression.clone()
    wandering[:, 60] = torch.linspace(0, 1, len(wandering))
    person = MotionPrompt(prompt.audio, replace(prompt.motion, expression=wandering))
    silence = extract_features(np.zeros(3 * 16000, np.float32))
    drawn = generate(MotionModel(model.network, space), silence, person)
    assert float(drawn.expression[:, 60].std()) > 0.01
    at_rest = float(rest_mouth(wandering, gap) @ gap)
    torch.testing.assert_close(
        drawn.expression @ gap, torch.full((drawn.frames,), at_rest), atol=1e-4, rtol=0
    )
