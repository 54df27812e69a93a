"""3D morphable face models: tracking, fitting, masks and PNCC images."""

from face3dmm._backend import build_info
from face3dmm.arkit import ARKIT_NAMES
from face3dmm.camera import Camera, euler_from_rotation, rotation_from_euler
from face3dmm.errors import InputError
from face3dmm.model import FaceModel
from face3dmm.pncc import render_pncc
from face3dmm.raster import RasterOutput, draw_attributes, rasterize
from face3dmm.raster_reference import rasterize_reference
from face3dmm.track import FaceCoeffs as FaceCoeffs
from face3dmm.track import FaceTrack as FaceTrack
from face3dmm.video import VideoInfo as VideoInfo
from face3dmm.video import VideoReader as VideoReader
from face3dmm.video import open_video as open_video

__version__ = "0.1.0"

__all__ = [
    "ARKIT_NAMES",
    "Camera",
    "FaceModel",
    "InputError",
    "RasterOutput",
    "build_info",
    "draw_attributes",
    "euler_from_rotation",
    "rasterize",
    "rasterize_reference",
    "render_pncc",
    "rotation_from_euler",
]
