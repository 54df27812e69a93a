"""Synthetic heads with exact truth: training material for the portrait model and the demo's reference clip.

The open face model with painted skin, eyes, teeth, hair, neck, clothes, light and background, drawn by the
rasteriser of face3dmm. `make.py` writes shards, `judge.py` judges the heads by a face detector.
"""

from synthetic_heads.batches import Sample, make_clip, sample_batch, sample_views
from synthetic_heads.motion import Motion, random_frames, random_views, sway
from synthetic_heads.person import SyntheticPerson
from synthetic_heads.rendering import Rendering, Scene, random_scene, render
from synthetic_heads.shards import read_shard, write_shard

__all__ = [
    "Motion",
    "Rendering",
    "Sample",
    "Scene",
    "SyntheticPerson",
    "make_clip",
    "random_frames",
    "random_scene",
    "random_views",
    "read_shard",
    "render",
    "sample_batch",
    "sample_views",
    "sway",
    "write_shard",
]
