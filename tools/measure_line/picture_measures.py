"""The measures of pictures that the judge takes from portrait3d.metrics, which draws and learns nothing."""

from portrait3d.metrics.detail import flicker, gmsd, halve, rms_laplacian, sharpness
from portrait3d.metrics.pixels import Box, psnr, ssim

__all__ = ["Box", "flicker", "gmsd", "halve", "psnr", "rms_laplacian", "sharpness", "ssim"]
