"""The z-buffer written for reading: one triangle at a time in numpy, answers as the compiled kernel's."""

import numpy as np


def rasterize_reference(
    vertices: np.ndarray, faces: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nearest triangle at each pixel centre.

    Args:
        vertices: (B, V, 3) x right and y down in pixels (the first pixel's centre is 0.5, 0.5), depth > 0
            growing away from the viewer. A triangle with a corner that is not finite or has depth <= 0 is
            left out.
        faces: (F, 3) vertex numbers. Both sides are drawn.
        size: (height, width).

    Returns:
        index (B, H, W) int32, -1 where nothing is drawn; of two triangles at the same depth the lower index
        wins; depth (B, H, W) float32, infinity where nothing is drawn;
        barycentric (B, H, W, 3) float32, perspective-correct, 0 where nothing is drawn.
    """
    height, width = size
    index = np.full((len(vertices), height, width), -1, np.int32)
    nearest = np.zeros((len(vertices), height, width), np.float32)  # inverse depth: 0 is infinitely far
    weights = np.zeros((len(vertices), height, width, 3), np.float32)
    for frame, points in enumerate(np.asarray(vertices, np.float64)):
        for number, face in enumerate(faces):
            corners = points[face]
            if not np.isfinite(corners).all() or (corners[:, 2] <= 0).any():
                continue
            (ax, ay), (bx, by), (cx, cy) = corners[:, :2]
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            if area == 0:
                continue
            x0, y0 = np.maximum(np.ceil(corners[:, :2].min(0) - 0.5), 0)
            x1, y1 = np.minimum(np.floor(corners[:, :2].max(0) - 0.5), (width - 1, height - 1))
            if x0 > x1 or y0 > y1:
                continue
            rows, columns = slice(int(y0), int(y1) + 1), slice(int(x0), int(x1) + 1)
            py, px = np.mgrid[rows, columns] + 0.5
            edges = np.stack(
                [
                    (cx - bx) * (py - by) - (cy - by) * (px - bx),
                    (ax - cx) * (py - cy) - (ay - cy) * (px - cx),
                    (bx - ax) * (py - ay) - (by - ay) * (px - ax),
                ],
                -1,
            )
            # Along a row, corner k's share in 1 / depth is at[k] + step[k] * x.
            run, rise = np.array([cx - bx, ax - cx, bx - ax]), np.array([cy - by, ay - cy, by - ay])
            from_x, from_y = np.array([bx, cx, ax]), np.array([by, cy, ay])
            # The huge weights of a sliver may overflow; its comparisons are then false.
            with np.errstate(all="ignore"):
                weight = (1 / area) * (1 / corners[:, 2])
                at = (run * (py[..., None] - from_y) + rise * from_x) * weight
                step = -rise * weight
                slope = step[0] + step[1] + step[2]
                total = (at[..., 0] + at[..., 1] + at[..., 2] + slope * px).astype(np.float32)
                shares = at + step * px[..., None]
                shares /= shares.sum(-1, keepdims=True)
            inside = (edges * np.sign(area) >= 0).all(-1)
            near = inside & (total > nearest[frame, rows, columns])
            nearest[frame, rows, columns][near] = total[near]
            index[frame, rows, columns][near] = number
            weights[frame, rows, columns][near] = shares[near]
    with np.errstate(divide="ignore"):
        depth = np.float32(1) / nearest
    return index, depth, weights
