"""3D morphable face models: tracking, fitting, masks and PNCC images."""

__version__ = "0.1.0"
