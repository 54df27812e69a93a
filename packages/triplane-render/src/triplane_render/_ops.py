"""The fused renderer as operators of torch: schema, shapes without data, gradient."""

from types import ModuleType
from typing import Any, get_args

import torch
from torch import Tensor

from triplane_render import _backend, _cuda_calls
from triplane_render._arguments import compute_dtype, pointers, shared_arguments
from triplane_render.compositing import DensityActivation, MarchRule
from triplane_render.decoder import DecoderWeights, FeatureActivation
from triplane_render.march import March
from triplane_render.occupancy import Occupancy
from triplane_render.rays import Rays

# What the kernels call these choices: their place in the Literal.
RULES = get_args(MarchRule)
DENSITY_ACTIVATIONS = get_args(DensityActivation)
FEATURE_ACTIVATIONS = get_args(FeatureActivation)


def _is_channels_last(planes: Tensor) -> bool:
    return not planes.is_contiguous() and planes.movedim(2, -1).is_contiguous()


def _call(
    name: str,
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    others: dict[str, Tensor],
    bfloat16_products: bool,
) -> None:
    """Call a compiled function with raw pointers; the tensors live until it returns."""
    channels_last = _is_channels_last(planes)
    names = ("w1", "b1", "w2", "b2", "origins", "directions", "near", "far")
    dense = zip(names, (*decoder, *scene), strict=True)
    tensors = {
        "planes": planes if channels_last else planes.contiguous(),
        **{key: value.contiguous() for key, value in dense},
        **others,
    }
    arguments = shared_arguments(planes, decoder, scene, axes, numbers, choices, others.get("occupied"))
    arguments |= {
        "channels_last": channels_last,
        "bfloat16_products": bfloat16_products,
        "threads": torch.get_num_threads(),
        "instruction_set": _backend.wanted_instruction_set(),
    }
    arguments |= pointers(tensors)
    kind = "float32" if planes.dtype == torch.float32 else "float64"
    getattr(_backend.compiled(), f"{name}_{kind}")(arguments)


@torch.library.custom_op("triplane_render::render_planes", mutates_args=(), device_types="cpu")
def _render(
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    occupied: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    features, depth, opacity = _outputs(decoder, scene)
    out = {"features_out": features, "depth_out": depth, "opacity_out": opacity}
    if occupied is not None:
        out["occupied"] = occupied
    wide, short = planes.to(compute_dtype(planes)), planes.dtype == torch.bfloat16
    _call("render_forward", wide, decoder, scene, axes, numbers, choices, out, short)
    return features, depth, opacity


@_render.register_kernel("cuda")
def _render_cuda(
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    occupied: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    outputs = _outputs(decoder, scene)
    with torch.cuda.device(planes.device):
        _cuda_calls.forward(_cuda_module(), outputs, planes, decoder, scene, axes, numbers, choices, occupied)
    return outputs


def _cuda_module() -> ModuleType:
    module = _backend.cuda_compiled()
    assert module is not None, "render_planes asks before it calls"
    return module


def _outputs(decoder: list[Tensor], scene: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    batch, count = scene[0].shape[:2]
    return (
        scene[0].new_empty(batch, count, decoder[2].shape[0] - 1),
        scene[0].new_empty(batch, count),
        scene[0].new_empty(batch, count),
    )


@_render.register_fake
def _render_fake(
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    occupied: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    return _outputs(decoder, scene)


@torch.library.custom_op("triplane_render::render_planes_backward", mutates_args=(), device_types="cpu")
def _render_backward(
    grads: list[Tensor],
    outputs: list[Tensor],
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    want_planes: bool,
    want_decoder: bool,
) -> list[Tensor]:
    wide = planes.to(compute_dtype(planes))
    wanted = _gradients(wide, decoder, want_planes, want_decoder)
    names = ["grad_planes"] * want_planes + ["grad_w1", "grad_b1", "grad_w2", "grad_b2"] * want_decoder
    others = dict(zip(names, wanted, strict=True))
    others |= dict(zip(("features_out", "depth_out", "opacity_out"), outputs, strict=True))
    dense = [grad.contiguous() for grad in grads]
    others |= dict(zip(("grad_features", "grad_depth", "grad_opacity"), dense, strict=True))
    short = planes.dtype == torch.bfloat16
    _call("render_backward", wide, decoder, scene, axes, numbers, choices, others, short)
    return [wanted[0].to(planes.dtype), *wanted[1:]] if want_planes else wanted


@_render_backward.register_kernel("cuda")
def _render_backward_cuda(
    grads: list[Tensor],
    outputs: list[Tensor],
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    want_planes: bool,
    want_decoder: bool,
) -> list[Tensor]:
    with torch.cuda.device(planes.device):
        grad, wanted = _cuda_calls.backward(
            _cuda_module(), grads, want_planes, want_decoder, bool(choices[5]),
            planes, decoder, scene, axes, numbers, choices,
        )  # fmt: skip
    if grad is None:
        return wanted
    like = _gradients(planes, decoder, True, False)[0]
    return [like.copy_(grad[..., : planes.shape[2]].movedim(-1, 2)), *wanted]


def _gradients(planes: Tensor, decoder: list[Tensor], want_planes: bool, want_decoder: bool) -> list[Tensor]:
    """Room for the gradients that are wanted: planes, laid out as they are, then the four of the decoder."""
    wanted = []
    if want_planes and _is_channels_last(planes):
        wanted.append(torch.empty_like(planes, memory_format=torch.preserve_format))
    elif want_planes:
        wanted.append(planes.new_empty(planes.shape))
    if want_decoder:
        wanted += [weight.new_empty(weight.shape) for weight in decoder]
    return wanted


@_render_backward.register_fake
def _render_backward_fake(
    grads: list[Tensor],
    outputs: list[Tensor],
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    want_planes: bool,
    want_decoder: bool,
) -> list[Tensor]:
    return _gradients(planes, decoder, want_planes, want_decoder)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    planes, decoder, scene, ctx.axes, ctx.numbers, ctx.choices, _ = inputs
    ctx.save_for_backward(planes, *decoder, *scene, *output)


def _differentiate(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
    planes, *rest = ctx.saved_tensors
    decoder, scene, outputs = rest[:4], rest[4:8], rest[8:]
    want_planes, want_decoder = ctx.needs_input_grad[0], any(ctx.needs_input_grad[1])
    wanted = _render_backward(
        list(grads), outputs, planes, decoder, scene, ctx.axes, ctx.numbers, ctx.choices,
        want_planes, want_decoder,
    )  # fmt: skip
    grad_planes = wanted[0] if want_planes else None
    grad_decoder = wanted[want_planes:] if want_decoder else [None] * 4
    return grad_planes, grad_decoder, [None] * 4, None, None, None, None


_render.register_autograd(_differentiate, setup_context=_keep)


def render_planes_kernel(
    planes: Tensor,
    decoder: DecoderWeights,
    rays: Rays,
    near: Tensor,
    far: Tensor,
    march: March,
    occupancy: Occupancy | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Features, depth and opacity by the compiled kernels; the arguments have been checked."""
    scene = [rays.origins, rays.directions, near, far]
    return _render(
        planes,
        [decoder.w1, decoder.b1, decoder.w2, decoder.b2],
        [part.detach() for part in scene],
        *_settings(decoder, march),
        None if occupancy is None else occupancy.cells.to(torch.uint8).contiguous(),
    )


def kernel_fits_gpu(planes: Tensor, decoder: DecoderWeights, rays: Rays, march: March) -> bool:
    """Whether CUDA kernels are there and the samples of a ray fit into this GPU's shared memory."""
    module = _backend.cuda_compiled()
    if module is None:
        return False
    limits = rays.origins[..., 0]
    weights = [decoder.w1, decoder.b1, decoder.w2, decoder.b2]
    scene = [rays.origins, rays.directions, limits, limits]
    with torch.cuda.device(planes.device):
        sizes = _cuda_calls.sizes_of(planes, weights, scene, *_settings(decoder, march), None)
        return bool(module.fits(sizes | {"grad_decoder": 1}, True))


def _settings(decoder: DecoderWeights, march: March) -> tuple[list[int], list[float], list[int]]:
    """Axes, numbers and choices as the operators take them."""
    return (
        [axis for plane in march.layout.axes for axis in plane],
        [march.box_warp, march.stop_transmittance],
        [
            march.samples,
            march.importance_samples,
            RULES.index(march.rule),
            DENSITY_ACTIVATIONS.index(march.density_activation),
            FEATURE_ACTIVATIONS.index(decoder.feature_activation),
            int(march.deterministic),
        ],
    )
