"""Calls of the CUDA kernels: what they need prepared, and what becomes of what they give."""

from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional as F

from triplane_render._arguments import Arguments, compute_dtype, pointers, shared_arguments

PLANE_TYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
NOTHING, ADD, FIND_LARGEST, ADD_FIXED = range(4)  # what becomes of a gradient to the planes
VECTOR = 8  # channels that are read together
WHOLE_BITS = 61  # of 63, for the largest sum that can come about


def sizes_of(
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    occupied: Tensor | None,
) -> Arguments:
    """Sizes and choices of a call, as the CUDA kernels name them."""
    shared = shared_arguments(planes, decoder, scene, axes, numbers, choices, occupied)
    stream = torch.cuda.current_stream(planes.device).cuda_stream if planes.is_cuda else 0
    return shared | {
        "channels": planes.shape[2] + -planes.shape[2] % VECTOR,
        "plane_type": PLANE_TYPES[planes.dtype],
        "gather": NOTHING,
        "stream": stream,
    }


def tensors_of(planes: Tensor, decoder: list[Tensor], scene: list[Tensor]) -> dict[str, Tensor]:
    """The tensors of a call, which must live while a kernel runs.

    Planes get their channels last, padded to whole vectors; 16-bit planes take everything else in float32.
    """
    missing = -planes.shape[2] % VECTOR
    compute = compute_dtype(planes)
    tensors = {
        "planes": F.pad(planes.movedim(2, -1), (0, missing)).contiguous(),
        "w1": F.pad(decoder[0], (0, missing)).to(compute).contiguous(),
    }
    named = zip(
        ("b1", "w2", "b2", "origins", "directions", "near", "far"), (*decoder[1:], *scene), strict=True
    )
    tensors |= {name: value.to(compute).contiguous() for name, value in named}
    return tensors


def forward(
    module: ModuleType,
    outputs: tuple[Tensor, Tensor, Tensor],
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    occupied: Tensor | None,
) -> None:
    """Fill features, depth and opacity."""
    arguments = sizes_of(planes, decoder, scene, axes, numbers, choices, occupied)
    tensors = tensors_of(planes, decoder, scene)
    tensors |= dict(zip(("features_out", "depth_out", "opacity_out"), outputs, strict=True))
    if occupied is not None:
        tensors["occupied"] = occupied
    module.render_forward(arguments | pointers(tensors))


def backward(
    module: ModuleType,
    grads: list[Tensor],
    want_planes: bool,
    want_decoder: bool,
    deterministic: bool,
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
) -> tuple[Tensor | None, list[Tensor]]:
    """Gradients of the planes and of w1, b1, w2, b2.

    Args:
        module: The compiled kernels.
        grads: Of features, depth and opacity.
        want_planes, want_decoder: What is asked for; the rest is None or empty.
        deterministic: Sum the planes' gradients as whole numbers, whose sum has no order; twice the time.
        planes, decoder, scene, axes, numbers, choices: Those of the forward call.

    Returns:
        Of the planes, (B, 3, [D,] H, W, C and padding) in float32 or float64, or None; of the decoder.
    """
    arguments = sizes_of(planes, decoder, scene, axes, numbers, choices, None)
    tensors = tensors_of(planes, decoder, scene)
    w1 = tensors["w1"]
    names = ("grad_features", "grad_depth", "grad_opacity")
    tensors |= {name: grad.to(w1.dtype).contiguous() for name, grad in zip(names, grads, strict=True)}
    shapes = [tensors[name].shape for name in ("w1", "b1", "w2", "b2")]
    if want_decoder:
        size = sum(shape.numel() for shape in shapes)
        warps = module.warps(arguments | {"grad_decoder": 1})
        tensors["grad_decoder"] = w1.new_zeros(warps, size)
    grad_planes = None
    if want_planes and deterministic:
        grad_planes = _sum_in_any_order(module, arguments, tensors)
    elif want_planes:
        grad_planes = tensors["grad_planes"] = torch.zeros_like(tensors["planes"], dtype=w1.dtype)
        module.render_backward(arguments | pointers(tensors) | {"gather": ADD})
    else:
        module.render_backward(arguments | pointers(tensors))
    by_decoder: list[Tensor] = []
    if want_decoder:
        summed = tensors["grad_decoder"].sum(0)
        parts = summed.split([shape.numel() for shape in shapes])
        by_decoder = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        by_decoder[0] = by_decoder[0][:, : planes.shape[2]].contiguous()
    return grad_planes, by_decoder


def _sum_in_any_order(module: ModuleType, arguments: Arguments, tensors: dict[str, Tensor]) -> Tensor:
    """Gradients of the planes as whole numbers of 2^-k, k so that no sum can overflow.

    Contributions that are not finite are left out.
    """
    planes, w1 = tensors["planes"], tensors["w1"]
    first = dict(tensors, largest=w1.new_zeros(1))
    first.pop("grad_decoder", None)
    module.render_backward(arguments | pointers(first) | {"gather": FIND_LARGEST})
    samples = int(arguments["samples"]) + int(arguments["importance_samples"])  # type: ignore[call-overload]
    terms = max(1, int(arguments["rays"]) * samples)  # type: ignore[call-overload]
    largest = first["largest"].double().clamp_min(1e-300) * terms
    scale = torch.exp2((WHOLE_BITS - torch.log2(largest)).floor().clamp_max(120))
    fixed = torch.zeros_like(planes, dtype=torch.int64)
    second = tensors | {"fixed_scale": scale.to(w1.dtype), "fixed_planes": fixed}
    module.render_backward(arguments | pointers(second) | {"gather": ADD_FIXED})
    return (fixed.double() / scale).to(w1.dtype)
