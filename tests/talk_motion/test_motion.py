"""Motion and prompts: shapes, storage, blinks read from lids."""

from pathlib import Path

import pytest
import torch

from talk_motion import InputError, MotionPrompt, MotionSequence


def test_prompt_and_motion_survive_storage(prompt: MotionPrompt, tmp_path: Path) -> None:
    prompt.save(tmp_path / "style.safetensors")
    again = MotionPrompt.load(tmp_path / "style.safetensors")
    torch.testing.assert_close(again.audio.stack(), prompt.audio.stack(), rtol=0, atol=0)
    torch.testing.assert_close(again.motion.expression, prompt.motion.expression, rtol=0, atol=0)
    prompt.motion.save(tmp_path / "motion.safetensors")
    torch.testing.assert_close(
        MotionSequence.load(tmp_path / "motion.safetensors").blink, prompt.motion.blink
    )
    assert not list(tmp_path.glob("*.part"))


def test_files_that_hold_something_else_are_refused(prompt: MotionPrompt, tmp_path: Path) -> None:
    prompt.motion.save(tmp_path / "motion.safetensors")
    with pytest.raises(InputError, match="format is"):
        MotionPrompt.load(tmp_path / "motion.safetensors")
    (tmp_path / "rubbish.safetensors").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="no file of tensors"):
        MotionPrompt.load(tmp_path / "rubbish.safetensors")
    with pytest.raises(InputError, match="cannot be read"):
        MotionPrompt.load(tmp_path / "nothing.safetensors")


def test_blinks_are_read_from_the_lids(prompt: MotionPrompt) -> None:
    blink = prompt.motion.blink
    assert blink[41] == pytest.approx((0.9 - 0.05) / 0.95)
    assert blink[60] == 0


def test_shapes_are_checked(prompt: MotionPrompt) -> None:
    part = prompt.motion
    with pytest.raises(ValueError, match=r"gaze must have shape \(150, 2\), got \(150, 3\)"):
        MotionSequence(part.expression, part.euler, part.translation, part.euler, part.blink)
    with pytest.raises(ValueError, match="not finite"):
        MotionSequence(part.expression * float("nan"), part.euler, part.translation, part.gaze, part.blink)
    with pytest.raises(ValueError, match="150 motion frames, motion has 100"):
        MotionPrompt(prompt.audio, part.slice(0, 100))
