"""Times the z-buffer on one thread: a dense mesh of 35,721 vertices at 512^2, and the open face model.

    .venv/bin/python tools/bench/raster.py [--keep tools/bench/results/raster.json]

The baseline is `rasterize_reference` (numpy), timed once. Medians of wall time.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from face3dmm import FaceModel, render_pncc
from face3dmm.raster import draw_attributes, rasterize
from face3dmm.raster_reference import rasterize_reference

SIDE = 189  # 189^2 = 35,721 vertices, 70,688 triangles: as many as the Basel face model has


def dense_mesh() -> tuple[torch.Tensor, torch.Tensor]:
    """Three quarters of an ellipsoid before the viewer, filling a picture of 512 pixels."""
    steps = torch.linspace(-1.35, 1.35, SIDE)
    a, b = torch.meshgrid(steps, steps, indexing="ij")
    x, y, z = torch.sin(b) * torch.cos(a), torch.sin(a), torch.cos(b) * torch.cos(a)
    vertices = torch.stack([256 + x * 170, 256 + y * 250, 10 - z], -1).reshape(1, -1, 3)
    index = torch.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    corners = [index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]]
    quads = torch.stack(corners, -1).reshape(-1, 4)
    return vertices, torch.cat([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]])


def median_ms(work: Callable[[], object], repeats: int = 40) -> float:
    """Median wall time of a call."""
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(taken)


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", type=Path, help="write the JSON here too")
    args = parser.parse_args()
    torch.set_num_threads(1)
    vertices, faces = dense_mesh()
    colours = torch.rand(vertices.shape[1], 3, generator=torch.Generator().manual_seed(0))
    begin = time.perf_counter()
    rasterize_reference(vertices.numpy(), faces.numpy(), (512, 512))
    reference = 1e3 * (time.perf_counter() - begin)
    model, count = FaceModel.open_face(), 16
    expression = torch.randn(count, 64, generator=torch.Generator().manual_seed(0)) * 0.1
    index = median_ms(lambda: rasterize(vertices, faces, 512))
    picture = median_ms(lambda: draw_attributes(vertices, faces, colours, 512))
    frames = 1e3 * count / median_ms(lambda: render_pncc(model, torch.zeros(80), expression, size=256))
    figures = [
        {
            "name": "dense_512/index_depth_shares",
            "value": index,
            "unit": "ms",
            "baseline": reference,
            "goal": 1.0,
        },
        {"name": "dense_512/colours", "value": picture, "unit": "ms", "baseline": None, "goal": 1.0},
        {"name": "open_face_256/pncc", "value": frames, "unit": "frames/s", "baseline": None, "goal": 1000.0},
    ]
    for figure, less in zip(figures, (True, True, False), strict=True):
        figure["holds"] = figure["value"] <= figure["goal"] if less else figure["value"] >= figure["goal"]
    answer = {"area": "raster", "threads": 1, "figures": figures}
    if args.keep:
        args.keep.write_text(json.dumps(answer, indent=1) + "\n")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
