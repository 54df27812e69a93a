"""3D morphable face models: tracking, fitting, masks and PNCC images."""

from face3dmm.arkit import ARKIT_NAMES as ARKIT_NAMES
from face3dmm.camera import Camera as Camera
from face3dmm.camera import euler_from_rotation as euler_from_rotation
from face3dmm.camera import rotation_from_euler as rotation_from_euler
from face3dmm.errors import InputError as InputError
from face3dmm.model import FaceModel as FaceModel
from face3dmm.pncc import render_pncc as render_pncc
from face3dmm.raster import RasterOutput as RasterOutput
from face3dmm.raster import draw_attributes as draw_attributes
from face3dmm.raster import rasterize as rasterize
from face3dmm.raster_reference import rasterize_reference as rasterize_reference

__version__ = "0.1.0"
