"""What a render needs to know besides planes, decoder and rays."""

from dataclasses import dataclass

import torch
from torch import Tensor

from triplane_render.compositing import DensityActivation, MarchRule, check_choice
from triplane_render.decoder import DecoderWeights
from triplane_render.errors import InputError
from triplane_render.planes import PlaneLayout, Planes
from triplane_render.rays import Rays

# The type of rays, decoder and results by that of the planes.
COMPUTE = {
    torch.float32: torch.float32,
    torch.float64: torch.float64,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}


@dataclass(frozen=True)
class March:
    """How rays are marched.

    Attributes:
        samples: Samples per ray at equal steps: cell centres of [near, far] (rule "alpha", >= 1), or both
            ends and between (rule "midpoint", >= 2).
        importance_samples: Further samples where the first march found something; rule "midpoint" only,
            which then needs samples >= 4.
        layout: How points are projected to planes.
        box_warp: Side of the cube that the planes cover.
        rule: "alpha" or "midpoint"; see `composite_rays`.
        density_activation: "softplus" or "relu"; see `activate_density`.
        stop_transmittance: Samples behind which less than this share of light is left are skipped; 0 takes
            all. The error of a feature is at most this times the largest |feature| of the ray.
        deterministic: Whether gradients to the planes must be the same, bit for bit, every time. On the CPU
            they always are; on CUDA it doubles the time of the backward pass.

    Raises:
        InputError: On values out of range.
    """

    samples: int
    importance_samples: int = 0
    layout: PlaneLayout = PlaneLayout.ORTHOGONAL
    box_warp: float = 1.0
    rule: MarchRule = "alpha"
    density_activation: DensityActivation = "softplus"
    stop_transmittance: float = 0.0
    deterministic: bool = False

    def __post_init__(self) -> None:
        check_choice("rule", self.rule, MarchRule)
        check_choice("density_activation", self.density_activation, DensityActivation)
        least = 1 if self.rule == "alpha" else 4 if self.importance_samples else 2
        if self.samples < least:
            raise InputError("samples", f"must be >= {least} here, got {self.samples}", "Raise it.")
        if self.importance_samples < 0:
            cause = f"must be >= 0, got {self.importance_samples}"
            raise InputError("importance_samples", cause, "Use 0 for none.")
        if self.importance_samples and self.rule != "midpoint":
            cause = f"need rule 'midpoint', got {self.rule!r}"
            raise InputError("importance_samples", cause, "Change the rule, or take none.")
        if not self.box_warp > 0:
            raise InputError("box_warp", f"must be > 0, got {self.box_warp}", "Give the side of the cube.")
        if not 0 <= self.stop_transmittance < 1:
            cause = f"must be in [0, 1), got {self.stop_transmittance}"
            raise InputError("stop_transmittance", cause, "Use 0 to take every sample.")

    def depths(self, near: Tensor, far: Tensor) -> Tensor:
        """Distances (..., samples) of the first march between near and far (...)."""
        steps = torch.arange(self.samples, dtype=near.dtype, device=near.device)
        shares = (steps + 0.5) / self.samples if self.rule == "alpha" else steps / (self.samples - 1)
        return near[..., None] + (far - near)[..., None] * shares


def check_scene(
    planes: Tensor,
    decoder: DecoderWeights,
    rays: Rays,
    near: Tensor | float,
    far: Tensor | float,
    march: March,
) -> tuple[Tensor, Tensor]:
    """Check that shapes and dtypes fit; give near and far as (B, N) tensors.

    Raises:
        InputError: Naming the argument that does not fit.
    """
    Planes(planes, march.layout, march.box_warp)
    batch, count = rays.origins.shape[:2]
    if planes.shape[0] != batch:
        cause = f"batch {batch} is not that of planes, {planes.shape[0]}"
        raise InputError("rays", cause, "Give one set of rays per set of planes.")
    if decoder.w1.shape[1] != planes.shape[2]:
        cause = f"takes {decoder.w1.shape[1]} channels, planes have {planes.shape[2]}"
        raise InputError("decoder", cause, "Make them equal.")
    if planes.dtype not in COMPUTE:
        raise InputError("planes", f"is {planes.dtype}", f"Use one of {', '.join(map(str, COMPUTE))}.")
    tensors = {"rays": rays.origins, "ray directions": rays.directions, "decoder": decoder.w1}
    for name, tensor in tensors.items():
        if tensor.dtype != COMPUTE[planes.dtype] or tensor.device != planes.device:
            cause = f"is {tensor.dtype} on {tensor.device}, planes are {planes.dtype} on {planes.device}"
            cure = f"Make it {COMPUTE[planes.dtype]} on {planes.device}."
            raise InputError(name, cause, cure)
    limits = []
    for name, limit in (("near", near), ("far", far)):
        value = torch.as_tensor(limit, dtype=rays.origins.dtype, device=planes.device)
        if value.ndim and tuple(value.shape) != (batch, count):
            cause = f"must be a number or ({batch}, {count}), got {tuple(value.shape)}"
            raise InputError(name, cause, "Give one limit per ray.")
        limits.append(value.expand(batch, count))
    return limits[0], limits[1]
