"""A motion written piece by piece is the motion."""

import torch

from talk_motion import MotionPrompt, MotionSequence
from talk_motion.motion import SIZES
from talk_motion.spool import MotionSpool


def test_what_comes_back_is_what_was_given(prompt: MotionPrompt) -> None:
    with MotionSpool() as spool:
        assert spool.motion().frames == 0
        for start, stop in ((0, 1), (1, 60), (60, 60), (60, 150)):
            spool.add(prompt.motion.slice(start, stop))
        found = spool.motion()
        assert found.frames == spool.frames == 150
        for name in SIZES:
            assert torch.equal(getattr(found, name), getattr(prompt.motion, name))
        found.expression.zero_()
        assert torch.equal(spool.motion().expression, prompt.motion.expression)
    assert isinstance(found, MotionSequence)
