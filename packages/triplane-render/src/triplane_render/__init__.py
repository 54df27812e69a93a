"""Tri-plane volume rendering in PyTorch, with compiled kernels."""

__version__ = "0.1.0"
