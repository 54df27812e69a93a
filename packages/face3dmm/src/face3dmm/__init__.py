"""3D morphable face models: tracking, fitting, masks and PNCC images."""

from face3dmm._backend import build_info
from face3dmm.arkit import ARKIT_NAMES
from face3dmm.background import BackgroundPlate, extend_torso, fill_background
from face3dmm.camera import Camera, euler_from_rotation, rotation_from_euler
from face3dmm.errors import InputError
from face3dmm.fit import FitConfig, fit_landmarks
from face3dmm.masks import Masks, segment_frames, segment_stream
from face3dmm.model import FaceModel
from face3dmm.overlay import draw_overlay
from face3dmm.pncc import render_pncc
from face3dmm.raster import RasterOutput, draw_attributes, rasterize
from face3dmm.raster_reference import rasterize_reference
from face3dmm.track import FaceCoeffs, FaceTrack
from face3dmm.tracking import read_crops, track_image, track_video
from face3dmm.video import VideoInfo, VideoReader, open_video

__version__ = "0.1.0"

__all__ = [
    "ARKIT_NAMES",
    "BackgroundPlate",
    "Camera",
    "FaceCoeffs",
    "FaceModel",
    "FaceTrack",
    "FitConfig",
    "InputError",
    "Masks",
    "RasterOutput",
    "VideoInfo",
    "VideoReader",
    "build_info",
    "draw_attributes",
    "draw_overlay",
    "euler_from_rotation",
    "extend_torso",
    "fill_background",
    "fit_landmarks",
    "open_video",
    "rasterize",
    "rasterize_reference",
    "read_crops",
    "render_pncc",
    "rotation_from_euler",
    "segment_frames",
    "segment_stream",
    "track_image",
    "track_video",
]
