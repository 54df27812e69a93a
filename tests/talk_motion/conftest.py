"""A tiny model and prompt for tests that need no trained weights."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from talk_motion import MotionModel, MotionPrompt, MotionSequence, extract_features
from talk_motion.network import NetworkConfig, VelocityNetwork
from talk_motion.space import MotionSpace

JAW, CLOSE = 17, 18  # jawOpen, mouthClose


def make_speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Something voiced and syllabic: harmonics of a gliding pitch, four syllables per second."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16000)) / 16000
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time + random.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    tone = sum(np.sin(k * phase) / k for k in range(1, 8))
    syllables = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)
    return (0.2 * tone * syllables + random.normal(0, 0.001, time.size)).astype(np.float32)


@pytest.fixture(scope="session")
def speech() -> Callable[..., np.ndarray]:
    """Function (seconds, seed=0) -> samples of something that sounds like speech."""
    return make_speech


@pytest.fixture(scope="session")
def space() -> MotionSpace:
    """A space over random bases in which jawOpen opens and mouthClose closes the lips."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(30, 64, generator=generator) * 0.02
    gap = torch.zeros(64)
    gap[JAW], gap[CLOSE] = 0.18, -0.18
    mouth = torch.zeros(64, dtype=torch.bool)
    mouth[14:41] = True
    samples = torch.rand(500, 64, generator=generator) * mouth
    return MotionSpace.build(basis, gap, mouth, samples, 6)


@pytest.fixture(scope="session")
def model(space: MotionSpace) -> MotionModel:
    """Random weights, none of them zero, so that every input matters."""
    torch.manual_seed(0)
    network = VelocityNetwork(NetworkConfig(motion=6, width=32, layers=2, heads=2, registers=2))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return MotionModel(network, space)


@pytest.fixture(scope="session")
def prompt() -> MotionPrompt:
    """Six seconds of a speaker with two blinks, a nodding head, and a jaw that follows the syllables."""
    sound = extract_features(make_speech(6.0), frames=150)
    time = torch.arange(150) / 25
    expression = torch.zeros(150, 64)
    expression[:, JAW] = 0.25 - 0.2 * torch.cos(2 * torch.pi * 4 * time)
    expression[:, 0] = expression[:, 7] = 0.05
    for at in (40, 110):
        expression[at : at + 3, 0] = expression[at : at + 3, 7] = 0.9
    euler = torch.stack(
        [0.1 + 0.05 * torch.sin(2 * torch.pi * 0.8 * time), 0.02 * torch.cos(2 * time), 0 * time], dim=1
    )
    return MotionPrompt(
        sound, MotionSequence.from_tracking(expression, euler, 0.1 * euler, 0.2 * euler[:, :2])
    )


@pytest.fixture(scope="session")
def small() -> MotionModel:
    """The embedded weights."""
    return MotionModel.from_pretrained("small")
