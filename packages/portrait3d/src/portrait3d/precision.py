"""How finely the networks of a portrait are computed."""

from contextlib import AbstractContextManager

import torch

PRECISIONS = ("auto", "float32", "bfloat16")


def network_dtype(precision: str, device: torch.device | str = "cpu") -> torch.dtype:
    """The type in which convolutions and products are taken.

    bfloat16 moves finished pictures by some 56 dB and takes half the time, where the processor multiplies it
    itself (AVX-512 BF16 or AMX); elsewhere it is imitated, and slower than float32.

    Args:
        precision: "float32", "bfloat16", or "auto": the faster one.
        device: Where the networks are.

    Raises:
        ValueError: If `precision` is none of these.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, got {precision!r}")
    if precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16(torch.device(device)) else "float32"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def networks_in(dtype: torch.dtype, device: torch.device | str = "cpu") -> AbstractContextManager[object]:
    """Within it convolutions and products are taken in `dtype`, for the thread that enters it.

    Weights are converted anew for each use: what torch would keep belongs to all threads, and any that leaves
    empties it. Gradients of a weight used twice were then added in one type or the other, as it happened.
    """
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=dtype == torch.bfloat16, cache_enabled=False)


def exactly(device: torch.device | str = "cpu") -> AbstractContextManager[object]:
    """Within it nothing is computed in less than the type that it has, whatever `networks_in` says outside.

    For small differences of large numbers: lips that open a little change features by about as much as
    bfloat16 rounds them.
    """
    return torch.autocast(torch.device(device).type, enabled=False)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
