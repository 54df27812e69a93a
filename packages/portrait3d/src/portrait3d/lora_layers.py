"""Layers of a network that LoRA goes into, by name."""

import re

from torch import nn


def lora_layers(network: nn.Module, pattern: str) -> list[str]:
    """Names of the linear and convolution layers whose whole name matches a regular expression."""
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and re.fullmatch(pattern, name)
    ]
