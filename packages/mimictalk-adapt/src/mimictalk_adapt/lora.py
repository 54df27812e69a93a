"""LoRA in a network, in peft's own format."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mimictalk_adapt.state import refuse_nonfinite

NAME = "default"
BEYOND_PLAIN = (
    "use_dora",
    "use_rslora",
    "rank_pattern",
    "alpha_pattern",
    "fan_in_fan_out",
    "modules_to_save",
)


def inject(network: nn.Module, targets: list[str], *, r: int, lora_alpha: int, seed: int) -> None:
    """Freeze a network and put LoRA into the named layers; it computes what it did before.

    Args:
        network: Changed in place.
        targets: Full layer names.
        r: Rank.
        lora_alpha: Scale numerator.
        seed: Of the random half of each pair (the other half starts at zero).

    Raises:
        ValueError: If a name is not a layer of the network.
    """
    from peft import LoraConfig, inject_adapter_in_model

    known = dict(network.named_modules())
    unknown = [name for name in targets if name not in known]
    if unknown or not targets:
        raise ValueError(f"no such layers for LoRA: {unknown or 'none given'}")
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    config = LoraConfig(r=r, lora_alpha=lora_alpha, target_modules=targets, lora_dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, network, adapter_name=NAME)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(".lora_" in name)


def lora_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """Name -> parameter of every LoRA matrix."""
    return {name: value for name, value in network.named_parameters() if ".lora_" in name}


def save_adapter(network: nn.Module, folder: Path, *, r: int, lora_alpha: int, targets: list[str]) -> None:
    """Write `adapter_config.json` and `adapter_model.safetensors` as peft does.

    Raises:
        ValueError: If a value is infinite or NaN.
    """
    from peft import LoraConfig, get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(network, adapter_name=NAME)
    refuse_nonfinite(state)
    save_file(
        {name: value.detach().contiguous().clone() for name, value in state.items()},
        str(folder / "adapter_model.safetensors"),
        metadata={"format": "pt"},
    )
    LoraConfig(
        r=r, lora_alpha=lora_alpha, target_modules=sorted(targets), inference_mode=True
    ).save_pretrained(str(folder))


def load_adapter(network: nn.Module, folder: Path) -> None:
    """Put a saved adapter into a network, in place.

    Raises:
        ValueError: If the adapter's layers are not this network's.
    """
    from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    config = LoraConfig.from_pretrained(str(folder))
    inject_adapter_in_model(config, network, adapter_name=NAME)
    state = load_file(str(folder / "adapter_model.safetensors"))
    outcome: Any = set_peft_model_state_dict(network, state, NAME)
    if outcome.unexpected_keys:
        raise ValueError(f"adapter does not fit this network: {outcome.unexpected_keys[:3]} unknown")


def merge(network: nn.Module) -> nn.Module:
    """Fold LoRA into the weights and take the wrappers out, in place."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in list(network.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge(safe_merge=False)  # type: ignore[operator]
            parent = network.get_submodule(name.rpartition(".")[0]) if "." in name else network
            setattr(parent, name.rpartition(".")[2], module.get_base_layer())
    return network


def merge_adapter(network: nn.Module, folder: Path) -> None:
    """What `load_adapter` and `merge` do, in place, without loading peft: it takes as long as a short video.

    Source: LoRA (Hu et al. 2021), section 4.1: W + (lora_alpha / r) B A.

    Raises:
        ValueError: If the adapter is not a plain LoRA, or its layers are not this network's.
    """
    from safetensors.torch import load_file

    told = json.loads((folder / "adapter_config.json").read_text())
    odd = [name for name in BEYOND_PLAIN if told.get(name)]
    if told.get("peft_type") != "LORA" or odd or told.get("bias", "none") != "none":
        raise ValueError(f"only a plain LoRA can be merged, not one with {odd or told.get('peft_type')}")
    state, scale = load_file(str(folder / "adapter_model.safetensors")), told["lora_alpha"] / told["r"]
    layers = {name.partition(".lora_")[0] for name in state}
    known = dict(network.named_modules())
    with torch.no_grad():
        for layer in sorted(layers):
            pair = [state.get(f"{layer}.lora_{half}.weight") for half in "AB"]
            weight: Any = getattr(known.get(layer), "weight", None)
            if weight is None or pair[0] is None or pair[1] is None:
                raise ValueError(f"adapter does not fit this network: {layer} is incomplete or unknown")
            change = scale * pair[1].flatten(1) @ pair[0].flatten(1)
            if change.numel() != weight.numel() or len(change) != len(weight):
                raise ValueError(f"adapter does not fit this network: {layer} has another shape")
            weight += change.reshape(weight.shape)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """The network in evaluation mode, and back as it was."""
    was = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was)
