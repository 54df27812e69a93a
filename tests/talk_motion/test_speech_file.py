"""A speech on the disk moves the face as the same speech in memory."""

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from talk_motion import MotionModel, MotionPrompt, MotionSequence, extract_features, generate, load_audio
from talk_motion.audio import SoundFile
from talk_motion.generation import Speaking
from talk_motion.speech_file import SpeechFile


def test_from_the_disk_as_from_memory(
    speech: Callable[..., np.ndarray], model: MotionModel, prompt: MotionPrompt, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((speech(13.01) * 32767).astype(np.int16).tobytes())
    sound = SoundFile(tmp_path / "a.wav")
    samples = load_audio(tmp_path / "a.wav")
    assert sound.length == len(samples)
    blocks = list(sound.blocks())
    assert max(map(len, blocks)) <= 160_000
    np.testing.assert_array_equal(np.concatenate(blocks), samples)
    found = SpeechFile(sound)
    motion = MotionSequence.join(list(found.motion(model, prompt, Speaking(steps=1, seed=2))))
    whole = extract_features(samples)
    assert found.frames == motion.frames == whole.frames
    assert abs(found.voiced - float(whole.voiced.mean())) < 0.01
    expected = generate(model, whole, prompt, steps=1, seed=2)
    gap = model.space.gap
    torch.testing.assert_close(motion.expression @ gap, expected.expression @ gap, rtol=0, atol=2e-3)
    torch.testing.assert_close(motion.euler, expected.euler)
    torch.testing.assert_close(motion.blink, expected.blink)
