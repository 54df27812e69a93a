"""3D morphable face models: tracking, fitting, masks and PNCC images."""

from face3dmm._backend import build_info
from face3dmm.animated_face import AnimatedFace, animated_face
from face3dmm.arkit import ARKIT_NAMES
from face3dmm.arkit_weights import ArkitMotion, ArkitSolve, arkit_motion, coeffs_from_arkit
from face3dmm.background import BackgroundPlate, extend_torso, fill_background
from face3dmm.camera import Camera, euler_from_rotation, rotation_from_euler
from face3dmm.errors import InputError
from face3dmm.fit import FitConfig, fit_landmarks
from face3dmm.gltf import write_glb
from face3dmm.live_link import read_live_link, write_live_link
from face3dmm.masks import Masks, segment_frames, segment_stream
from face3dmm.model import FaceModel
from face3dmm.model_change import ModelChange
from face3dmm.motion_json import (
    FaceMotion,
    read_motion_json,
    read_motion_npz,
    write_motion_json,
    write_motion_npz,
)
from face3dmm.overlay import draw_overlay
from face3dmm.pictures import Picture, read_picture
from face3dmm.pncc import FULL, SMALL, PnccConvention, PnccTriple, render_pncc, render_pncc_triple
from face3dmm.portrait import fit_picture
from face3dmm.posed_pncc import render_posed_pncc
from face3dmm.raster import RasterOutput, draw_attributes, rasterize
from face3dmm.raster_reference import rasterize_reference
from face3dmm.shut_eyes import ShutEyes, lid_gaps, shut_eyes
from face3dmm.track import FaceCoeffs, FaceTrack
from face3dmm.tracking import read_crops, track_image, track_video
from face3dmm.usd import require_usd, write_usd
from face3dmm.video import VideoInfo, VideoReader, open_video

__version__ = "0.1.0"

__all__ = [
    "ARKIT_NAMES",
    "FULL",
    "SMALL",
    "AnimatedFace",
    "ArkitMotion",
    "ArkitSolve",
    "BackgroundPlate",
    "Camera",
    "FaceCoeffs",
    "FaceModel",
    "FaceMotion",
    "FaceTrack",
    "FitConfig",
    "InputError",
    "Masks",
    "ModelChange",
    "Picture",
    "PnccConvention",
    "PnccTriple",
    "RasterOutput",
    "ShutEyes",
    "VideoInfo",
    "VideoReader",
    "animated_face",
    "arkit_motion",
    "build_info",
    "coeffs_from_arkit",
    "draw_attributes",
    "draw_overlay",
    "euler_from_rotation",
    "extend_torso",
    "fill_background",
    "fit_landmarks",
    "fit_picture",
    "lid_gaps",
    "open_video",
    "rasterize",
    "rasterize_reference",
    "read_crops",
    "read_live_link",
    "read_motion_json",
    "read_motion_npz",
    "read_picture",
    "render_pncc",
    "render_pncc_triple",
    "render_posed_pncc",
    "require_usd",
    "rotation_from_euler",
    "segment_frames",
    "segment_stream",
    "shut_eyes",
    "track_image",
    "track_video",
    "write_glb",
    "write_live_link",
    "write_motion_json",
    "write_motion_npz",
    "write_usd",
]
