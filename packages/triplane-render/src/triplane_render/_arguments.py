"""What the kernels of the CPU and of CUDA are told alike."""

import torch
from torch import Tensor

Arguments = dict[str, object]


def compute_dtype(planes: Tensor) -> torch.dtype:
    """What is computed in: float64 for planes of float64, else float32."""
    return torch.float64 if planes.dtype == torch.float64 else torch.float32


def shared_arguments(
    planes: Tensor,
    decoder: list[Tensor],
    scene: list[Tensor],
    axes: list[int],
    numbers: list[float],
    choices: list[int],
    occupied: Tensor | None,
) -> Arguments:
    """Sizes and choices of a call; the keys are fields of `Request` and of `CudaRequest`."""
    box_warp, stop_transmittance = numbers
    samples, importance_samples, rule, density_activation, feature_activation = choices[:5]
    return {
        "batch": planes.shape[0],
        "rays": scene[0].shape[1],
        "channels": planes.shape[2],
        "depth": planes.shape[3] if planes.ndim == 6 else 0,
        "height": planes.shape[-2],
        "width": planes.shape[-1],
        "axes": [axes[0:3], axes[3:6], axes[6:9]],
        "scale": 2 / box_warp,
        "hidden": decoder[0].shape[0],
        "features": decoder[2].shape[0] - 1,
        "feature_activation": feature_activation,
        "samples": samples,
        "importance_samples": importance_samples,
        "rule": rule,
        "density_activation": density_activation,
        "stop_transmittance": stop_transmittance,
        "cells": 0 if occupied is None else occupied.shape[1],
        "occupied_per_batch": occupied is not None and len(occupied) > 1,
    }


def pointers(tensors: dict[str, Tensor]) -> Arguments:
    """Their addresses."""
    return {name: tensor.data_ptr() for name, tensor in tensors.items()}
