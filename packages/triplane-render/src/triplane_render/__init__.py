"""Tri-plane volume rendering in PyTorch, with compiled kernels.

Every operation has a plain PyTorch twin of the same signature, named `<operation>_reference`.
"""

from triplane_render._backend import build_info
from triplane_render.compositing import composite_rays, composite_rays_reference
from triplane_render.decoder import DecoderWeights, decode_reference
from triplane_render.errors import InputError
from triplane_render.importance import importance_depths_reference, sample_pdf, sample_pdf_reference
from triplane_render.occupancy import Occupancy
from triplane_render.planes import PlaneLayout, Planes
from triplane_render.rays import Rays, RenderOutput, intersect_box, intersect_box_reference
from triplane_render.rendering import render_planes, render_planes_reference
from triplane_render.sampling import sample_planes, sample_planes_reference

__version__ = "0.1.0"

__all__ = [
    "DecoderWeights",
    "InputError",
    "Occupancy",
    "PlaneLayout",
    "Planes",
    "Rays",
    "RenderOutput",
    "build_info",
    "composite_rays",
    "composite_rays_reference",
    "decode_reference",
    "importance_depths_reference",
    "intersect_box",
    "intersect_box_reference",
    "render_planes",
    "render_planes_reference",
    "sample_pdf",
    "sample_pdf_reference",
    "sample_planes",
    "sample_planes_reference",
]
