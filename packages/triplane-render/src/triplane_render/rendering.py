"""From planes to pictures: sample, decode, march."""

import torch
from torch import Tensor

from triplane_render import _backend
from triplane_render._ops import kernel_fits_gpu, render_planes_kernel
from triplane_render.compositing import (
    DensityActivation,
    MarchRule,
    activate_density,
    composite_rays_reference,
    ray_weights_reference,
)
from triplane_render.decoder import DecoderWeights, decode_reference
from triplane_render.errors import InputError
from triplane_render.importance import importance_depths_reference
from triplane_render.march import March, check_scene
from triplane_render.occupancy import Occupancy
from triplane_render.planes import PlaneLayout
from triplane_render.rays import Rays, RenderOutput
from triplane_render.sampling import sample_planes_reference

NOTHING = -1e3  # the logit of a sample in an empty cell: density 0 beside any other


def render_planes(
    planes: Tensor,
    decoder: DecoderWeights,
    rays: Rays,
    *,
    near: Tensor | float,
    far: Tensor | float,
    samples: int,
    importance_samples: int = 0,
    layout: PlaneLayout = PlaneLayout.ORTHOGONAL,
    box_warp: float = 1.0,
    rule: MarchRule = "alpha",
    density_activation: DensityActivation = "softplus",
    stop_transmittance: float = 0.0,
    deterministic: bool = False,
    occupancy: Occupancy | None = None,
) -> RenderOutput:
    """Render planes along rays by the fused kernels; see `render_planes_reference` for every argument.

    The kernels keep nothing per sample and compute the samples again in the backward pass. On the CPU the
    results do not depend on the number of threads (`torch.set_num_threads`). On CUDA the decoder runs on
    tensor cores where planes have 16 bits. An installation without the compiled kernels takes the reference.
    """
    march = March(
        samples, importance_samples, layout, box_warp, rule, density_activation, stop_transmittance,
        deterministic,
    )  # fmt: skip
    near, far = check_scene(planes, decoder, rays, near, far, march)
    _check_occupancy(occupancy, planes, decoder)
    if _fits_kernel(planes, decoder, rays, march):
        return RenderOutput(*render_planes_kernel(planes, decoder, rays, near, far, march, occupancy))
    return render_planes_reference(
        planes, decoder, rays, near=near, far=far, samples=samples, importance_samples=importance_samples,
        layout=layout, box_warp=box_warp, rule=rule, density_activation=density_activation,
        stop_transmittance=stop_transmittance, deterministic=deterministic, occupancy=occupancy,
    )  # fmt: skip


def _check_occupancy(occupancy: Occupancy | None, planes: Tensor, decoder: DecoderWeights) -> None:
    if occupancy is None:
        return
    if len(occupancy.cells) not in (1, len(planes)) or occupancy.cells.device != planes.device:
        cause = f"has {len(occupancy.cells)} entries on {occupancy.cells.device} for planes of {len(planes)}"
        raise InputError("occupancy", cause, f"Give 1 or {len(planes)} on {planes.device}.")
    learned = (planes, decoder.w1, decoder.b1, decoder.w2, decoder.b2)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in learned):
        raise InputError(
            "occupancy", "skips samples, which then have no gradient",
            "Render under torch.no_grad(), or without an occupancy.",
        )  # fmt: skip


def _fits_kernel(planes: Tensor, decoder: DecoderWeights, rays: Rays, march: March) -> bool:
    if planes[0:1].numel() >= 2**31:  # texels are counted in 32 bits
        return False
    if planes.device.type == "cpu":
        return _backend.is_compiled()
    return planes.device.type == "cuda" and kernel_fits_gpu(planes, decoder, rays, march)


def render_planes_reference(
    planes: Tensor,
    decoder: DecoderWeights,
    rays: Rays,
    *,
    near: Tensor | float,
    far: Tensor | float,
    samples: int,
    importance_samples: int = 0,
    layout: PlaneLayout = PlaneLayout.ORTHOGONAL,
    box_warp: float = 1.0,
    rule: MarchRule = "alpha",
    density_activation: DensityActivation = "softplus",
    stop_transmittance: float = 0.0,
    deterministic: bool = False,
    occupancy: Occupancy | None = None,
) -> RenderOutput:
    """Render planes along rays in plain PyTorch, storing every sample.

    Deterministic: samples lie at equal steps, importance samples at equal steps of the first march's
    integral (Chan et al. 2022, section 4.3, without its random offsets). A ray with far <= near gives zeros
    and costs nothing. A ray whose origin, direction or limits are not finite gives nan, and no gradient.

    Args:
        planes: (B, 3, C, H, W), or (B, 3, C, D, H, W), a tri-grid. float32 or float64 like everything else,
            or float16 or bfloat16 where everything else is float32.
        decoder: Weights of the decoder, shared by the batch, for C channels.
        rays: (B, N) rays.
        near, far: Limits of the march along each ray, a number or (B, N), in lengths of its direction.
        samples, importance_samples, layout, box_warp: See `March`.
        rule, density_activation, stop_transmittance, deterministic: See `March`.
        occupancy: Where anything is, to shade nothing elsewhere: samples in empty cells have density 0.
            With it the kernels also shade nothing behind where less than `stop_transmittance` of the light
            is left, and give no feature to samples that weigh less than 1e-5: their results differ from the
            reference by some 0.001 and `stop_transmittance` of the largest |feature|.

    Returns:
        features (B, N, C_out), depth (B, N), opacity (B, N) over a transparent background.
        Differentiable in planes and decoder weights, not in rays and limits.

    Raises:
        InputError: If shapes, dtypes or options do not fit.
    """
    march = March(
        samples, importance_samples, layout, box_warp, rule, density_activation, stop_transmittance,
        deterministic,
    )  # fmt: skip
    near, far = check_scene(planes, decoder, rays, near, far, march)
    planes = planes.to(rays.origins.dtype)
    per_batch = [
        _render_scene(
            planes[b : b + 1],
            decoder,
            rays.origins[b],
            rays.directions[b],
            near[b],
            far[b],
            march,
            None if occupancy is None else Occupancy(occupancy.cells[b % len(occupancy.cells)][None]),
        )
        for b in range(planes.shape[0])
    ]
    if not per_batch:
        zeros = planes.new_zeros(0, near.shape[1])
        return RenderOutput(planes.new_zeros(0, near.shape[1], decoder.features), zeros, zeros)
    features, depth, opacity = (torch.stack(part) for part in zip(*per_batch, strict=True))
    return RenderOutput(features, depth, opacity)


def _render_scene(
    planes: Tensor,
    decoder: DecoderWeights,
    origins: Tensor,
    directions: Tensor,
    near: Tensor,
    far: Tensor,
    march: March,
    occupancy: Occupancy | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Render one batch entry: planes (1, ...), everything else (N, ...)."""
    count = near.shape[0]
    limits = torch.stack([near, far], -1)
    broken = ~torch.cat([origins, directions, limits], -1).detach().isfinite().all(-1)
    kept = torch.nonzero((far > near) & ~broken)[:, 0]
    origins, directions, near, far = (x.detach()[kept] for x in (origins, directions, near, far))
    depths = march.depths(near, far)

    def decode(at: Tensor) -> tuple[Tensor, Tensor]:
        points = origins[:, None] + at[..., None] * directions[:, None]
        read = sample_planes_reference(planes, points.reshape(1, -1, 3), march.layout, march.box_warp)
        logits, features = decode_reference(decoder, read.reshape(*at.shape, planes.shape[2]))
        if occupancy is None:
            return logits, features
        held = occupancy.holds(points[None], march.box_warp)[0]
        return torch.where(held, logits, NOTHING), torch.where(held[..., None], features, 0)

    logits, features = decode(depths)
    if march.importance_samples and len(kept):
        with torch.no_grad():
            _, _, _, weights = composite_rays_reference(
                logits, features, depths, rule=march.rule, density_activation=march.density_activation
            )
            finer = importance_depths_reference(depths, weights, march.importance_samples)
        finer_logits, finer_features = decode(finer)
        depths, order = torch.sort(torch.cat([depths, finer], -1), stable=True)
        logits = torch.cat([logits, finer_logits], -1).gather(-1, order)
        features = torch.cat([features, finer_features], -2)
        features = features.gather(-2, order[..., None].expand_as(features))
    if march.rule == "midpoint":
        deltas = depths[..., 1:] - depths[..., :-1]
        depths, logits = (depths[..., :-1] + depths[..., 1:]) / 2, (logits[..., :-1] + logits[..., 1:]) / 2
        features = (features[..., :-1, :] + features[..., 1:, :]) / 2
    else:
        deltas = ((far - near) / march.samples)[:, None].expand_as(depths)
    thickness = activate_density(logits, march.density_activation) * deltas
    if march.stop_transmittance:
        light = torch.exp(thickness.detach() - torch.cumsum(thickness.detach(), -1))
        thickness = torch.where(light < march.stop_transmittance, 0, thickness)
    weights = ray_weights_reference(thickness, torch.ones_like(thickness))
    parts = (
        (weights[:, None, :] @ features)[:, 0],
        (weights * depths).sum(-1),
        weights.sum(-1),
    )
    blank = torch.where(broken, float("nan"), 0.0).to(near.dtype)
    return (
        blank[:, None].expand(count, decoder.features).index_copy(0, kept, parts[0]),
        blank.index_copy(0, kept, parts[1]),
        blank.index_copy(0, kept, parts[2]),
    )
