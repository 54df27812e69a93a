"""Times the z-buffer on one thread: a dense mesh of 35,721 vertices at 512^2, and the open face model.

    .venv/bin/python tools/bench/raster.py [--keep tools/bench/results/raster.json]

The baseline is `rasterize_reference` (numpy), timed once. Medians of wall time. Progress goes to stderr, one
JSON object to the last line of stdout.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
# Its own folder goes last: files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.figures import figure, report
from face3dmm import FaceModel, render_pncc
from face3dmm._backend import compiled
from face3dmm.raster import draw_attributes, rasterize
from face3dmm.raster_reference import rasterize_reference

SEED = 0
SIZE = 512
SIDE = 189  # 189^2 = 35,721 vertices, 70,688 triangles: as many as the Basel face model has


def dense_mesh() -> tuple[torch.Tensor, torch.Tensor]:
    """Three quarters of an ellipsoid before the viewer, filling a picture of SIZE pixels."""
    steps = torch.linspace(-1.35, 1.35, SIDE)
    a, b = torch.meshgrid(steps, steps, indexing="ij")
    x, y, z = torch.sin(b) * torch.cos(a), torch.sin(a), torch.cos(b) * torch.cos(a)
    vertices = torch.stack([256 + x * 170, 256 + y * 250, 10 - z], -1).reshape(1, -1, 3)
    index = torch.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    corners = [index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]]
    quads = torch.stack(corners, -1).reshape(-1, 4)
    return vertices, torch.cat([quads[:, [0, 1, 2]], quads[:, [1, 3, 2]]])


def index_and_depth(vertices: torch.Tensor, faces: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a plain z-buffer gives, by the kernel alone: `rasterize` gives the corners' shares too."""
    index, depth = torch.empty(SIZE, SIZE, dtype=torch.int32), torch.empty(SIZE, SIZE)
    outputs = (index.data_ptr(), depth.data_ptr(), 0, 0)
    sizes = (1, vertices.shape[1], len(faces), 0, SIZE, SIZE)
    compiled().rasterize(vertices.data_ptr(), faces.data_ptr(), 0, *outputs, 0.0, *sizes)
    return index, depth


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
    colours = torch.rand(vertices.shape[1], 3, generator=torch.Generator().manual_seed(SEED))
    begin = time.perf_counter()
    rasterize_reference(vertices.numpy(), faces.numpy(), (SIZE, SIZE))
    reference = 1e3 * (time.perf_counter() - begin)
    model, count = FaceModel.open_face(), 16
    expression = torch.randn(count, 64, generator=torch.Generator().manual_seed(SEED)) * 0.1
    print("numpy done", file=sys.stderr)
    buffer = median_ms(lambda: index_and_depth(vertices, faces))
    shares = median_ms(lambda: rasterize(vertices, faces, SIZE))
    picture = median_ms(lambda: draw_attributes(vertices, faces, colours, SIZE))
    frames = 1e3 * count / median_ms(lambda: render_pncc(model, torch.zeros(80), expression, size=256))
    figures = [
        figure("dense_512/index_depth", buffer, "ms", goal=1.0, most=True),
        figure("dense_512/index_depth_shares", shares, "ms", baseline=reference, goal=1.0, most=True),
        figure("dense_512/colours", picture, "ms", goal=1.0, most=True),
        figure("open_face_256/pncc", frames, "frames/s", goal=1000.0),
    ]
    report("raster", SEED, figures, args.keep)


if __name__ == "__main__":
    main()
