"""Beside the published PNCC renderer: how far `render_pncc(convention=FULL)` is from it.

    git clone https://github.com/yerfor/MimicTalk A            (or Real3DPortrait: the same two files)
    git clone https://github.com/facebookresearch/pytorch3d B
    .venv/bin/python tools/parity/pncc.py --published A --pytorch3d B [--bfm FOLDER] [--pictures FOLDER]

The published `SECC_Renderer` runs as it is, on the CPU, one frame a call, with the cameras, meshes and
rasteriser of pytorch3d, whose C++ kernel is compiled from B (g++ and ninja; a minute, once). Only what it
imports but does not use here, and moving to a GPU, is replaced. The face model is `--bfm`, a folder as
`FaceModel.from_bfm2009` wants it, or a made-up one; with `--side 189` that has as many triangles as BFM 2009,
and pytorch3d takes minutes for each frame.

Prints JSON: differences as they are, and with the published centre of the mean shape, which that code sums up
in single precision. Exits 1 if with this centre more than one in 10,000 of the pixels drawn is drawn by one
side only or differs by more than 1e-5.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from scipy.io import savemat

from face3dmm import FaceModel
from face3dmm.pncc import FULL, render_pncc_triple


def make_bfm(folder: Path, side: int) -> None:
    """A smooth dome with two holes in the files of BFM 2009; its first triangle is in plain view."""
    steps = np.linspace(-1.35, 1.35, side)
    a, b = np.meshgrid(steps, steps, indexing="ij")
    mean = np.stack([0.85 * np.sin(b) * np.cos(a), 1.1 * np.sin(a), 0.9 * np.cos(b) * np.cos(a)], -1)
    mean, count = mean.reshape(-1, 3), side * side
    index = np.arange(count).reshape(side, side)
    corners = [index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]]
    quads = np.stack(corners, -1).reshape(-1, 4)
    cheek = (side - 1) * (side // 2) + side // 3  # the middle row, a third of the way across
    faces = np.roll(np.concatenate([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]]), -cheek, 0)
    random = np.random.default_rng(0)
    waves = np.sin(mean @ random.normal(0, 2, (3, 144)) + random.uniform(0, 6, 144))  # smooth, as real bases
    basis = 0.02 * random.normal(0, 1, (3, 144)) * waves[:, None]  # (V, 3, 144)
    middle = mean[faces].mean(1)
    matrices = {
        "meanshape": (mean + np.array([0.3, -0.2, 0.5])).reshape(1, -1),
        "idBase": basis[..., :80].reshape(-1, 80),
        "exBase": basis[..., 80:].reshape(-1, 64),
        "tri": faces + 1,
        "keypoints": np.arange(1, 69)[None],
        "meantex": np.zeros((1, 3 * count)),
        "texBase": np.zeros((3 * count, 1)),
        "point_buf": np.ones((count, 8), int),
        "frontmask2_idx": np.ones((1, 1), int),
        "tri_mask2": np.ones((1, 3), int),
        "skinmask": np.ones((1, count)),
    }
    savemat(folder / "BFM_model_front.mat", matrices)
    np.save(folder / "index_mp468_from_mesh35709.npy", np.arange(468) * (count // 468))
    for name, x in (("left", 0.3), ("right", -0.3)):
        eye = ((middle[:, 0] - x) / 0.13) ** 2 + ((middle[:, 1] - 0.25) / 0.06) ** 2 < 1
        np.save(folder.parent / f"bfm_{name}_eye_faces.npy", np.nonzero(eye)[0] + 1)
    ncc = (mean - mean.min(0)) / np.ptp(mean, 0)
    np.save(folder.parent / "ncc_code.npy", ncc.T.astype(np.float32))


def hollow(name: str, folder: Path | None = None, **names: Any) -> ModuleType:
    """Stand in for a package without running its __init__; its modules are still found in `folder`."""
    module = ModuleType(name)
    module.__path__ = [] if folder is None else [str(folder)]
    vars(module).update(names)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], last, module)
    return module


def import_published(published: Path, pytorch3d: Path) -> Any:
    """The class SECC_Renderer."""
    from torch.utils.cpp_extension import load_inline

    for module in ("kornia", "kornia.geometry"):
        hollow(module)
    hollow("kornia.geometry.camera", pixel2cam=None)
    hollow("einops", rearrange=None)
    hollow("deep_3drecon", published / "deep_3drecon")
    for name in ("util", "deep_3drecon_models"):
        hollow(f"deep_3drecon.{name}", published / "deep_3drecon" / name)
    hollow("deep_3drecon.util.load_mats", transferBFM09=None)
    sources = pytorch3d / "pytorch3d"
    sys.path.insert(0, str(pytorch3d))
    kernel = load_inline(
        name="pytorch3d_rasterize",
        cpp_sources='#include "rasterize_meshes/rasterize_meshes.h"\n'
        '#include "rasterize_meshes/rasterize_meshes_cpu.cpp"',
        functions="RasterizeMeshes",
        extra_include_paths=[str(sources / "csrc")],
        extra_cflags=["-O3"],
    )
    kernel.rasterize_meshes = kernel.RasterizeMeshes
    sys.modules["pytorch3d._C"] = kernel
    importlib.import_module("pytorch3d")._C = kernel
    hollow("pytorch3d.ops", sources / "ops")
    from pytorch3d.ops.interp_face_attrs import interpolate_face_attributes

    sys.modules["pytorch3d.ops"].interpolate_face_attributes = interpolate_face_attributes
    unused = ("look_at_view_transform", "DirectionalLights", "MeshRenderer", "SoftPhongShader", "TexturesUV")
    renderer = hollow("pytorch3d.renderer", sources / "renderer", **dict.fromkeys(unused))
    hollow("pytorch3d.renderer.mesh", sources / "renderer/mesh")
    from pytorch3d.renderer.cameras import FoVPerspectiveCameras
    from pytorch3d.renderer.mesh.rasterizer import MeshRasterizer, RasterizationSettings

    used = (FoVPerspectiveCameras, MeshRasterizer, RasterizationSettings)
    vars(renderer).update({kind.__name__: kind for kind in used})
    from deep_3drecon.secc_renderer import SECC_Renderer

    torch.nn.Module.cuda = lambda self: self
    made = SECC_Renderer.__init__

    def start(self: Any, size: int) -> None:
        made(self, size, device="cpu")
        self.face_renderer.rasterizer = MeshRasterizer()  # it would print the number of its GPU

    SECC_Renderer.__init__ = start
    return SECC_Renderer


def compare(ours: torch.Tensor, theirs: torch.Tensor) -> dict[str, float]:
    """Differences of (B, 3, S, S) pictures; a pixel is empty where all its channels are exactly -1."""
    empty = [(picture == -1).all(1) for picture in (ours, theirs)]
    both = ~empty[0] & ~empty[1]
    apart = (ours - theirs).abs().amax(1)[both]
    return {
        "pixels_drawn": int((~empty[1]).sum()),
        "drawn_by_us_only": int((~empty[0] & empty[1]).sum()),
        "drawn_by_them_only": int((empty[0] & ~empty[1]).sum()),
        "largest_difference": float(apart.max()),
        "mean_difference": float(apart.mean()),
        "pixels_beyond_1e-5": int((apart > 1e-5).sum()),
    }


def main() -> int:
    """Draw the same faces with both and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--published", type=Path, required=True, help="checkout of MimicTalk or Real3DPortrait"
    )
    parser.add_argument("--pytorch3d", type=Path, required=True, help="checkout of pytorch3d")
    parser.add_argument("--bfm", type=Path, help="deep_3drecon/BFM of the published code, with its files")
    parser.add_argument("--side", type=int, default=65, help="vertices along a side of the made-up model")
    parser.add_argument(
        "--driving", type=int, default=2, help="frames beside the canonical and the source one"
    )
    parser.add_argument("--pictures", type=Path, help="write ours over theirs here")
    args = parser.parse_args()
    renderer = import_published(args.published.resolve(), args.pytorch3d.resolve())
    with tempfile.TemporaryDirectory() as folder:
        if args.bfm is None:
            bfm = Path(folder) / "deep_3drecon" / "BFM"
            bfm.mkdir(parents=True)
            make_bfm(bfm, args.side)
        else:
            bfm = args.bfm.resolve()
        os.chdir(bfm.parent.parent)  # where the published code looks for deep_3drecon/BFM
        model, published = FaceModel.from_bfm2009(bfm), renderer(FULL.size)
    generator = torch.Generator().manual_seed(0)
    identity = torch.randn(80, generator=generator) * 0.5
    expression = torch.randn(1 + args.driving, 64, generator=generator) * 0.5
    zero, begin = torch.zeros(1, 3), time.perf_counter()
    frames = (torch.zeros(64), *expression)
    theirs = torch.cat([published(identity[None], frame[None], zero, zero)[1] for frame in frames])
    seconds = time.perf_counter() - begin
    centred = replace(model, mean=published.face_model.mean_shape.reshape(-1, 3))
    pictures, same_centre = (
        torch.cat([triple.canonical[None], triple.source[None], triple.driving])
        for triple in (
            render_pncc_triple(each, identity, expression[0], expression[1:], convention=FULL)
            for each in (model, centred)
        )
    )
    found = compare(same_centre, theirs)
    answer = {
        "area": "pncc",
        "frames": len(theirs),
        "triangles": len(model.faces),
        "published_s": round(seconds, 1),
        "centres_apart_dm": float((model.mean - centred.mean).abs().max()),
        "as_they_are": compare(pictures, theirs),
        "with_their_centre": found,
    }
    if args.pictures:
        rows = [torch.cat(list(part), 2) for part in (pictures, theirs)]
        from PIL import Image

        sheet = (torch.cat(rows, 1).permute(1, 2, 0) * 127.5 + 127.5).round().to(torch.uint8)
        args.pictures.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet.numpy()).save(args.pictures / "pncc.png")
    print(json.dumps(answer))
    apart = sum(found[key] for key in ("drawn_by_us_only", "drawn_by_them_only", "pixels_beyond_1e-5"))
    return int(apart > 1e-4 * found["pixels_drawn"])


if __name__ == "__main__":
    sys.exit(main())
