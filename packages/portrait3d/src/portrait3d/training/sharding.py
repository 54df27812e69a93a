"""Parameters cut into the processes' parts (FSDP2), and what else differs where some are."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from portrait3d.training.processes import Processes
from portrait3d.training.trainee import modules_of

# A few thousand numbers that the renderer takes without calling the module: no hook would gather them.
WHOLE = ("decoder",)
CALLED = ("constants",)  # methods beside `forward` for which a module has to be gathered


def shard_modules(model: nn.Module, stage: str, processes: Processes) -> None:
    """Cut what a stage trains: every process keeps a part of each parameter, and gathers a module's when it
    is called; gradients come back as means over the processes.

    Args:
        model: As it begins, the same in all processes.
        stage: Whose modules are cut, but for the `WHOLE` ones.
        processes: At least two.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    mesh = init_device_mesh(processes.device.type, (processes.count,))
    for name, module in modules_of(model, stage).items():
        if name not in WHOLE:
            # Also the outermost module lets go of what it gathered: averaged weights are swapped in and out.
            fully_shard(module, mesh=mesh, reshard_after_forward=True)
            for method in CALLED:
                if hasattr(module, method):
                    register_fsdp_forward_method(module, method)


def is_part(tensor: Tensor) -> bool:
    """Whether a tensor is this process's part of a larger one (a DTensor, whose import takes long)."""
    return hasattr(tensor, "full_tensor")


def laid_out_as(whole: Tensor, place: Tensor) -> Tensor:
    """A whole tensor, or this process's part of it where `place` is one."""
    if not is_part(place):
        return whole
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(place, DTensor)
    return distribute_tensor(whole.to(place.device), place.device_mesh, place.placements, src_data_rank=None)


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """The model's state with every parameter whole; all processes call it together."""
    state: Mapping[str, Any] = model.state_dict()
    return {name: value.full_tensor() if is_part(value) else value for name, value in state.items()}


def clip_gradients(parameters: Iterable[nn.Parameter], longest: float) -> Tensor:
    """Shorten the gradient to `longest`; its length before, over all processes' parts."""
    reached = [p for p in parameters if p.grad is not None]
    parts = [p for p in reached if is_part(p)]
    if not parts:
        return nn.utils.clip_grad_norm_(reached, longest)
    others = [p for p in reached if not is_part(p)]
    of_parts: Any = nn.utils.get_total_norm([_gradient(p) for p in parts])
    of_others = nn.utils.get_total_norm([_gradient(p) for p in others]).to(parts[0].device)
    length = torch.stack([of_parts.full_tensor(), of_others]).norm()
    factor = (longest / (length + 1e-6)).clamp(max=1.0)
    for p in reached:
        gradient = _gradient(p)
        (gradient.to_local() if is_part(p) else gradient).mul_(factor)
    return length


def _gradient(parameter: nn.Parameter) -> Any:
    return parameter.grad
