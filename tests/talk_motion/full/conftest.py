"""Tiny networks of the published form, none of whose weights is zero, and sound for them."""

import pytest
import torch

from talk_motion.full.config import FlowVaeConfig, InContextConfig
from talk_motion.full.ics_network import InContextNetwork
from talk_motion.full.speech import SpeechFeatures
from talk_motion.full.vae import FlowVae

IN_CONTEXT = InContextConfig(
    motion=6,
    content=12,
    sound=8,
    manner=4,
    width=16,
    layers=2,
    heads=2,
    head_width=8,
    feed_forward=20,
    registers=3,
    time=16,
    position_kernel=5,
)
FLOW_VAE = FlowVaeConfig(
    motion=6,
    content=12,
    sound=8,
    width=8,
    kernel=3,
    encoder_layers=2,
    decoder_layers=2,
    latent=4,
    flow_width=8,
)


def enliven(network: torch.nn.Module, seed: int = 0) -> None:
    """Move every weight a little, so that nothing is zero and every input matters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.fixture
def network() -> InContextNetwork:
    """In-context network in evaluation mode."""
    torch.manual_seed(0)
    network = InContextNetwork(IN_CONTEXT)
    enliven(network)
    return network.eval()


@pytest.fixture
def vae() -> FlowVae:
    """Flow-prior VAE in evaluation mode."""
    torch.manual_seed(0)
    network = FlowVae(FLOW_VAE)
    enliven(network)
    return network.eval()


@pytest.fixture
def make_speech():
    """Function (motion frames, seed=0) -> random sound."""

    def make(frames: int, seed: int = 0) -> SpeechFeatures:
        generator = torch.Generator().manual_seed(seed)
        pitch = 300 * torch.rand(2 * frames, generator=generator)
        return SpeechFeatures(torch.randn(2 * frames, 12, generator=generator), pitch)

    return make
