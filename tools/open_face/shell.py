"""Skull and neck: a smooth annulus from the rim of the face mesh to the open end of the neck.

Every rim vertex starts a path. The forehead's runs over the crown and down to the nape, the chin's down the
throat, those of the sides past the ears to the side of the neck. Sizes are those of an ordinary adult head:
15.5 cm broad, 19.5 long, 22.5 from chin to crown, the neck 11.5 broad.
"""

import numpy as np
from topology import FACE_OVAL, adjacency

HEAD_RINGS = 12  # between the rim and the root of the neck
NECK_RINGS = 4
CENTRE = np.array((0.0, 0.50, -0.76))  # of the cranium
RADII = np.array((0.775, 0.93, 0.98))
ROUNDNESS = 2.35  # 2 is an ellipsoid; skulls are a little boxier
NECK_RADII = (0.56, 0.58)  # along x and z
NECK_TOP, NECK_END = np.array((0.0, -0.74, -0.66)), np.array((0.0, -1.75, -0.90))
NECK_SLOPE = 0.26  # the root lies this much higher at the nape and lower at the throat
STIFFNESS = (0.02, 0.5)  # pull towards the sketch while fairing: beside the face, and from ring SETTLED on
SETTLED = 6


def _step(x: np.ndarray | float) -> np.ndarray:
    t = np.clip(x, 0, 1)
    return t * t * (3 - 2 * t)


def arcs(start: np.ndarray, face: np.ndarray, neck: np.ndarray, stop: float, steps: int) -> np.ndarray:
    """Directions (steps, N, 3) from `start` (N, 3) away from `face` to within the angle `stop` of `neck`.

    A circle of the sphere through the points `face` and `neck` for each start: together they are the
    meridians of an annulus whose rims lie aslant, so that no two paths cross.
    """
    paths = []
    for u in start:
        normal = np.cross(face - u, neck - u)
        normal /= np.linalg.norm(normal)
        middle = normal * (normal @ u)
        x = u - middle
        radius = np.linalg.norm(x)
        x, y = x / radius, np.cross(normal, x / radius)

        # Both angles are counted from u; the way to the neck that does not cross the face is the right one.
        to_face, to_neck = (
            np.arctan2((p - middle) @ y, (p - middle) @ x) % (2 * np.pi) for p in (face, neck)
        )
        whole = to_neck if to_neck < to_face else to_neck - 2 * np.pi
        turns = np.linspace(0, whole, 2000)
        points = middle + radius * (np.cos(turns)[:, None] * x + np.sin(turns)[:, None] * y)
        last = int(np.argmax(points @ neck >= np.cos(stop)))
        # Rings lie closer near the face, where the surface must follow it.
        paths.append(points[(np.linspace(0, 1, steps + 1)[1:] ** 1.35 * last).round().astype(int)])
    return np.stack(paths, 1)


def sketch(points: np.ndarray) -> np.ndarray:
    """Rings (HEAD_RINGS + NECK_RINGS, 36, 3) beyond the rim, before they are faired into the face."""
    rim = points[list(FACE_OVAL)]
    count = len(rim)
    start = rim - CENTRE
    reach = np.linalg.norm(start, axis=1)
    face, neck = start.mean(0), NECK_TOP - CENTRE
    neck_reach = np.hypot(np.linalg.norm(neck), np.mean(NECK_RADII))
    stop = np.arctan2(np.mean(NECK_RADII), np.linalg.norm(neck))
    face, neck = face / np.linalg.norm(face), neck / np.linalg.norm(neck)
    directions = arcs(start / reach[:, None], face, neck, stop, HEAD_RINGS)
    end = directions[-1]
    around = np.arctan2(end[:, 0], -(end[:, 2] - neck[2] * (end @ neck)))  # 0 at the nape, +-pi at the throat
    circle = np.stack([NECK_RADII[0] * np.sin(around), np.zeros(count), -NECK_RADII[1] * np.cos(around)], -1)
    root = NECK_TOP + circle + np.stack([0 * around, NECK_SLOPE * np.cos(around), 0 * around], -1)
    # The cranium rules the paths of forehead, temples and ears; those of the jaw go straight to the throat.
    fold = np.minimum(np.arange(count), count - np.arange(count))
    cranial = _step((12.5 - fold) / 5.0)
    rings = []
    for ring, direction in enumerate(directions, 1):
        s = (ring / HEAD_RINGS) ** 1.35
        straight = (1 - s) * reach + s * neck_reach
        ellipsoid = 1 / np.linalg.norm(direction / RADII, ord=ROUNDNESS, axis=1)
        share = cranial * _step(s / 0.10) * _step((1 - s) / 0.25)
        sphere = CENTRE + direction * (straight + share * (ellipsoid - straight))[:, None]
        settle = _step((s - 0.6) / 0.4)
        rings.append(sphere + settle * (root - sphere))
    for ring in range(1, NECK_RINGS + 1):
        s = ring / NECK_RINGS
        rings.append((1 - s) * root + s * (NECK_END + circle * (1.12, 1.0, 1.06)))
    return np.stack(rings)


def shell_mesh(
    points: np.ndarray, faces: np.ndarray, mirror: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Face mesh plus shell.

    Args:
        points: (468, 3) face. faces: (852, 3). mirror: (468,).

    Returns:
        vertices (V, 3), triangles of the shell alone (S, 3), mirror (V,).
    """
    rings = sketch(points)
    depth, count = rings.shape[:2]
    number = len(points) + np.arange(depth * count).reshape(depth, count)
    number = np.concatenate([np.array(FACE_OVAL)[None], number])
    triangles = []
    for ring in range(depth):
        for k in range(count):
            a, b = number[ring, k], number[ring, (k + 1) % count]
            c, d = number[ring + 1, k], number[ring + 1, (k + 1) % count]
            # The diagonal leans the other way on the other side, so that the shell is its own mirror image.
            triangles += [(a, b, d), (a, d, c)] if k < count // 2 else [(a, b, c), (b, d, c)]
    opposite = number[1:, -np.arange(count) % count].reshape(-1)
    vertices = np.concatenate([points, rings.reshape(-1, 3)])
    shell = np.array(triangles)
    pull = np.interp(np.arange(depth), (0, SETTLED), STIFFNESS).repeat(count)
    whole = np.concatenate([faces, shell])
    return fair(vertices, adjacency(whole, len(vertices)), pull), shell, np.concatenate([mirror, opposite])


def fair(vertices: np.ndarray, edges: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Smooth the last len(pull) vertices: least |L x|^2 + pull |x - vertices|^2, L the umbrella operator."""
    umbrella = np.eye(len(vertices)) - edges / edges.sum(1, keepdims=True)
    energy = umbrella.T @ umbrella
    first = len(vertices) - len(pull)
    free = slice(first, None)
    faired = vertices.copy()
    right = pull[:, None] * vertices[free] - energy[free, :first] @ vertices[:first]
    faired[free] = np.linalg.solve(energy[free, free] + np.diag(pull), right)
    return faired
