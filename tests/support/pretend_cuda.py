"""A CUDA device that is not there: tensors say they lie on it, hold their values on the CPU, and do not mix.

What a GPU would refuse is refused here: operators over tensors of both devices, `numpy()` of one that lies on
the device, a CPU generator for numbers drawn there. Values are computed by the CPU's kernels, so that whole
programs run, and to the same numbers. `FakeTensorMode` has no values, where a picture's window depends on them,
and ends the process at the first gradient on a fake GPU if torch was built without CUDA (2.13).

Not shown by it: that CUDA has a kernel for each operator, its rounding, its order of sums, its speed.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = torch.device("cuda:0")
CPU = torch.device("cpu")
aten = torch.ops.aten
CROSSING = (aten._to_copy.default, aten.copy_.default)
INDEXING = (aten.index.Tensor, aten.index_put_.default, aten.index_put.default)  # indices may lie on the CPU
OURS = (__file__, "torch/_compile.py", "torch/_dynamo/eval_frame.py")  # frames between an operator and a mode
HOST_ONLY = (Tensor.numpy, Tensor.__array__, Tensor.data_ptr)


class MixedDevicesError(RuntimeError):
    """An operator met tensors of both devices, or was asked for what only the other one has."""


class OnDevice(Tensor):
    """A tensor that lies on `DEVICE`; `held` are its values."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "OnDevice":
        assert not isinstance(held, OnDevice)
        made: OnDevice = Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype
        )
        made.held = held
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"OnDevice({self.held!r})"

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__" and func in _PROPERTIES:
            return _PROPERTIES[func]
        if func in HOST_ONLY:
            raise MixedDevicesError(f"Tensor.{name} of a tensor on {DEVICE}")
        with torch._C.DisableTorchFunctionSubclass():
            if func is Tensor.tolist:
                return args[0].held.tolist()
            if func is Tensor.cpu:
                return _moved(args[0], CPU)
            if func is Tensor.to:
                return _to(*args, **kwargs)
            if func is Tensor.new_tensor:
                return _moved(torch.tensor(args[1], dtype=kwargs.get("dtype", args[0].dtype)), DEVICE)
            return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


_PROPERTIES = {Tensor.device.__get__: DEVICE, Tensor.is_cuda.__get__: True, Tensor.is_cpu.__get__: False}


class _Functions(TorchFunctionMode):
    """What no dispatch mode sees: `torch.tensor` and `torch.as_tensor` with a device; and inference mode, in
    which tensors of subclasses cannot be cut, is left for one without gradients."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.is_inference_mode_enabled():
            with torch.inference_mode(False), torch.no_grad():
                return self._call(func, args, kwargs)
        return self._call(func, args, kwargs)

    def _call(self, func: Any, args: Any, kwargs: Any) -> Any:
        device = kwargs.get("device")
        if func not in (torch.tensor, torch.as_tensor) or device is None:
            return func(*args, **kwargs)
        made = func(*args, **{name: value for name, value in kwargs.items() if name != "device"})
        return _moved(made, torch.device(device))


class _Factories(TorchDispatchMode):
    """Puts what is made with `device="cuda"` on `DEVICE`."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


@contextmanager
def pretend_cuda() -> Iterator[torch.device]:
    """Gives the device, which is there as long as the context."""
    was = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # `Module.to` makes new parameters
    try:
        with mock.patch.object(torch.cuda, "_lazy_init"), _Factories(), _Functions():
            yield DEVICE
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(was)


def _to(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    other = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("other")
    if other is not None:
        device, dtype = (DEVICE if isinstance(other, OnDevice) else CPU), other.dtype
    else:
        device, dtype, _, _ = torch._C._nn._parse_to(
            *args, **{k: v for k, v in kwargs.items() if k != "copy"}
        )
    return _moved(tensor if dtype in (None, tensor.dtype) else Tensor.to(tensor, dtype), device)


def _moved(tensor: Tensor, device: torch.device | None) -> Tensor:
    if device is None or isinstance(tensor, OnDevice) == (device.type == DEVICE.type):
        return tensor
    return aten._to_copy.default(tensor, device=device)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call an operator on the values; its results lie where torch would put them."""
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = [tensor for tensor in given if isinstance(tensor, OnDevice)]
    if there and func not in CROSSING:
        judged = given[:1] if func in INDEXING else given
        here = [tensor for tensor in judged if not isinstance(tensor, OnDevice) and tensor.dim()]
        if here or (func in INDEXING and not isinstance(given[0], OnDevice)):
            raise MixedDevicesError(f"{func}: {[tuple(tensor.shape) for tensor in here]} on the CPU, beside "
                                    f"{[tuple(tensor.shape) for tensor in there]} on {DEVICE}")  # fmt: skip
    device, on_device = kwargs.get("device"), bool(there)
    if func is aten.copy_.default:
        on_device = isinstance(args[0], OnDevice)
    elif device is not None:
        # What torch's C++ takes for the device of a tensor that is pretended to lie elsewhere is the CPU.
        like = on_device and func is not aten._to_copy.default
        on_device = like or torch.device(device).type == DEVICE.type or _asked_by_the_engine()
        kwargs = kwargs | {"device": CPU}
    if on_device and kwargs.get("generator") is not None:
        raise MixedDevicesError(f"{func}: a generator of the CPU on {DEVICE}")
    bare_args, bare_kwargs = tree_map_only(OnDevice, lambda tensor: tensor.held, (args, kwargs))
    found = func(*bare_args, **bare_kwargs)
    if not func._schema.is_mutable:
        return tree_map_only(Tensor, OnDevice, found) if on_device else found
    written = _written(func, args, kwargs)
    return written[0] if len(written) == 1 else tuple(written) or None


def _written(func: Any, args: Any, kwargs: dict[str, Any]) -> list[Any]:
    """The arguments that an operator changes and gives back."""
    known = func._schema.arguments
    named = dict(zip((argument.name for argument in known), args, strict=False)) | kwargs
    marks = {
        mark: named[argument.name]
        for argument in known
        if argument.alias_info is not None
        for mark in argument.alias_info.before_set
        if argument.name in named
    }
    return [marks[next(iter(given.alias_info.before_set))] for given in func._schema.returns]


def _asked_by_the_engine() -> bool:
    """Whether the autograd engine itself makes a tensor: zeros for a gradient that nothing gave, which lie
    where its output lay. Whoever differentiates within `pretend_cuda` does so on the device."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.endswith(OURS):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_name == "_engine_run_backward"
