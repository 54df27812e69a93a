"""Hair as a sheet that grows from the crown over the skull, with strands in its texture and ragged ends."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from synthetic_heads.atlas import HAIR
from synthetic_heads.hair_texture import HairLook
from synthetic_heads.mesh import Drive, Part, grid_faces, part
from synthetic_heads.noise import smoothstep

CENTRE = np.array([0.0, 0.42, -0.52])
ROWS, COLUMNS = 30, 96
STRAND = 6  # points along a loose strand


def _frame(look: HairLook) -> np.ndarray:
    """Axes (3, 3) of the crown: rows are left, pole, front."""
    pole = np.array([0.22 * look.parting, 0.93, -0.30])
    pole /= np.linalg.norm(pole)
    front = np.array([0.0, 0.0, 1.0])
    front -= pole * (front @ pole)
    front /= np.linalg.norm(front)
    return np.stack([np.cross(pole, front), pole, front])


def _hairline(neutral: np.ndarray, look: HairLook) -> np.ndarray:
    """Points (N, 3) around the head where hair ends that lies close."""

    def at(vertex: int, up: float, back: float = 0.0) -> np.ndarray:
        return neutral[vertex] + np.array([0.0, up, -back])

    rise = look.hairline
    low = {"fringe": -0.34, "bob": 0.0, "long": 0.0}.get(look.style, 0.0)
    half = [
        at(10, rise + low, 0.05), at(338, rise + low + 0.02, 0.05), at(297, rise + low * 0.9 + 0.06, 0.06),
        at(332, rise + low * 0.6 + 0.05, 0.08), at(284, 0.02 + low * 0.3, 0.06), at(251, 0.05, 0.12),
        at(389, 0.0, 0.10), at(356, -0.02, 0.04), at(454, 0.02, 0.06), at(454, 0.28, 0.22),
        at(454, 0.36, 0.40), at(454, 0.10, 0.62), at(454, -0.25, 0.60), at(454, -0.48, 0.70),
    ]  # fmt: skip
    half = [np.array(p) for p in half] + [np.array([0.45, -0.62, -1.28]), np.array([0.0, -0.66, -1.36])]
    other = [p * np.array([-1, 1, 1]) for p in half[-2:0:-1]]
    return np.array(half + other)


def hair_sheet(neutral: np.ndarray, skin: np.ndarray, look: HairLook, rng: np.random.Generator) -> np.ndarray:
    """Vertices (ROWS, COLUMNS + 1, 3) of the sheet; the first and last column meet at the parting.

    Args:
        neutral: (468, 3) face at rest.
        skin: (v, 3) all skin at rest.
        look: Style.
        rng: For the unevenness.
    """
    axes = _frame(look)
    line = (_hairline(neutral, look) - CENTRE) @ axes.T
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    line_turn, line_polar = np.arctan2(line[:, 0], line[:, 2]), np.arccos(np.clip(line[:, 1], -1, 1))
    order = np.argsort(line_turn)
    start = 0.6 * look.parting if look.style in ("bob", "long", "swept") else 0.0
    turn = start + np.linspace(0, 2 * np.pi, COLUMNS + 1)
    wrapped = (turn + np.pi) % (2 * np.pi) - np.pi
    limit = np.interp(wrapped, line_turn[order], line_polar[order], period=2 * np.pi)
    ear_side = np.exp(-(((np.abs(wrapped) - 1.75) / 0.6) ** 2))
    rear = smoothstep(1.2, 2.3, np.abs(wrapped))
    longer = {"short": 0.02, "curly": 0.12, "fringe": 0.08}.get(look.style, 0.0)
    limit = (
        limit
        + longer * (ear_side + rear)
        + 0.012 * rng.normal(0, 1, COLUMNS + 1) * (np.arange(COLUMNS + 1) % COLUMNS > 0)
    )
    limit[-1] = limit[0]
    t = np.linspace(0.0, 1.0, ROWS)[:, None]
    polar = t * limit[None] + 0.01
    direction = (
        np.sin(polar)[..., None]
        * (np.sin(turn)[None, :, None] * axes[0] + np.cos(turn)[None, :, None] * axes[2])
        + np.cos(polar)[..., None] * axes[1]
    )
    radius = surface_radius(skin, direction)
    front = np.exp(-((wrapped / 0.75) ** 2))[None]
    body = look.volume * (0.55 + 0.6 * np.sin(np.pi * np.clip(t * 1.05, 0, 1)) ** 0.7)
    if look.style == "swept":
        body = body * (1 + 0.9 * front * smoothstep(0.3, 0.8, t))
    loose = look.style in ("fringe", "bob", "long", "curly")
    end = smoothstep(1.02, 0.80, t) if loose else smoothstep(0.95, 0.55, t)
    close: float | np.ndarray = {"fringe": 0.3, "curly": 0.12}.get(look.style, 0.0)
    if look.style in ("bob", "long"):
        close = 0.3 * (1 - np.exp(-((wrapped / 0.55) ** 4)))[None]  # combed flat over the forehead
    thick = body * (close + (1 - close) * end) + 0.012
    lumps = _lumps(rng, direction, 11.0 if look.style == "curly" else 6.0)
    thick = thick * (1 + (0.30 if look.style == "curly" else 0.13) * lumps)
    points = CENTRE + direction * (radius + thick)[..., None]
    if look.style in ("bob", "long"):
        points = _fall(points, turn, wrapped, look, rng)
    return points


def _fall(
    points: np.ndarray, turn: np.ndarray, wrapped: np.ndarray, look: HairLook, rng: np.random.Generator
) -> np.ndarray:
    """Let the hair of sides and back hang down from where the skull is widest, and frame the forehead."""
    bottom = -0.72 - (0.0 if look.style == "bob" else look.length)
    rows = np.linspace(0, 1, ROWS)
    side = smoothstep(0.25, 0.95, np.abs(wrapped))
    result = np.empty_like(points)
    wave = look.curl * 0.06 * np.sin(rows * 9 + rng.uniform(0, 6))
    for column in range(points.shape[1]):
        path = points[:, column]
        sign = np.sign(np.sin(turn[column])) or 1.0
        # Sheet on the skull down to the ears' level, then straight down.
        last = path[-1].copy()
        out = np.array([sign * max(abs(last[0]), 0.80 + look.volume * 0.6), last[1], min(last[2], -0.42)])
        target = last * (1 - side[column]) + out * side[column]
        foot = target.copy()
        foot[1] = last[1] + side[column] * (bottom + 0.05 * rng.normal() - last[1])
        foot[0] *= 1.02 if look.style == "bob" else 0.95
        upper = path + (target - last) * (rows**2)[:, None]
        length_up = np.linalg.norm(np.diff(upper, axis=0), axis=1).sum()
        down = np.linalg.norm(foot - upper[-1])
        full = np.concatenate([upper, upper[-1] + (foot - upper[-1]) * np.linspace(0.05, 1, 24)[:, None]])
        at = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(full, axis=0), axis=1))])
        wanted = np.linspace(0, at[-1], ROWS)
        result[:, column] = np.stack([np.interp(wanted, at, full[:, k]) for k in range(3)], -1)
        result[:, column, 0] += wave * side[column] * (wanted > length_up) * (down > 0.1)
    result[:, -1, 1:] = result[:, 0, 1:] if side[0] < 0.5 else result[:, -1, 1:]
    return result


def surface_radius(skin: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Distance (...) from CENTRE to the skin along unit directions (..., 3), by the nearest vertices."""
    offset = skin - CENTRE
    distance = np.linalg.norm(offset, axis=1)
    tree = cKDTree(offset / distance[:, None])
    gap, near = tree.query(direction.reshape(-1, 3), k=6)
    weight = 1 / (gap**2 + 1e-4)
    return ((distance[near] * weight).sum(1) / weight.sum(1)).reshape(direction.shape[:-1])


def _lumps(rng: np.random.Generator, direction: np.ndarray, frequency: float) -> np.ndarray:
    """Smooth noise (...) over unit directions (..., 3), standard deviation about 1: a sum of plane waves."""
    waves = rng.normal(0, frequency, (14, 3))
    return np.sin(direction @ waves.T + rng.uniform(0, 2 * np.pi, 14)).sum(-1) * np.sqrt(2 / 14)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def hair_parts(neutral: np.ndarray, skin: np.ndarray, look: HairLook, rng: np.random.Generator) -> list[Part]:
    """The sheet, or nothing for bald and buzz-cut heads (their roots are painted on the skin)."""
    if look.style in ("bald", "buzz"):
        return []
    sheet = hair_sheet(neutral, skin, look, rng)
    flat = sheet.reshape(-1, 3)
    rows, columns = sheet.shape[:2]
    s = np.broadcast_to(np.linspace(0, 1, columns), (rows, columns)).reshape(-1)
    t = np.broadcast_to(np.linspace(0, 1, rows)[:, None], (rows, columns)).reshape(-1)
    # Hair that hangs behind the neck is seen from its inner side, where no light comes.
    inside = smoothstep(-0.1, -0.5, flat[:, 1]) * smoothstep(-0.75, -1.15, flat[:, 2])
    shade = (0.72 + 0.28 * smoothstep(-0.9, 0.5, flat[:, 1])) * (1 - 0.6 * inside)
    follow = 0.75 * smoothstep(-0.9, -2.0, flat[:, 1])
    outward = _unit(flat - CENTRE)
    height = np.linalg.norm(flat - CENTRE, axis=1) - surface_radius(skin, outward)
    under = flat - outward * (0.55 * np.clip(height, 0, 0.3) + 0.004)[:, None]

    def still(points: np.ndarray) -> Callable[[Drive], np.ndarray]:
        return lambda drive: np.broadcast_to(points, (len(drive.face), *points.shape))

    uv = HAIR.uv(s, t)
    faces = grid_faces(rows, columns)
    close = ((t < 0.87) & (flat[:, 1] > -0.4))[faces].all(
        1
    )  # an opaque layer on the skull, short of the ends
    inner = part("hair below", still(under), faces[close], uv, shade=shade * 0.6, follow=follow, shine=0.05)
    loose = _loose_strands(sheet, look, rng)
    ends = 0.75 * smoothstep(-0.9, -2.0, loose[:, 1])
    count = len(loose) // (2 * STRAND)
    strip = grid_faces(STRAND, 2)
    ribbons = (np.arange(count)[:, None, None] * 2 * STRAND + strip).reshape(-1, 3)
    down = np.tile(np.repeat(np.linspace(0.3, 0.6, STRAND), 2), count)
    where = HAIR.uv(np.repeat(rng.random(count), 2 * STRAND), down)
    strands = part("strands", still(loose), ribbons, where, shade=0.9, follow=ends, shine=0.05)
    outer = part("hair", still(flat), faces, uv, shade=shade, follow=follow, transparent=True)
    return [inner, strands, outer]


def _loose_strands(sheet: np.ndarray, look: HairLook, rng: np.random.Generator) -> np.ndarray:
    """Ribbons (count * STRAND * 2, 3) that stand off the sheet (ROWS, C, 3), two vertices across each."""
    count = {"short": 110, "swept": 110, "curly": 260}.get(look.style, 190)
    rows, columns = sheet.shape[:2]
    start = rng.integers(2, rows - 9, count)
    row = start[:, None] + np.linspace(0, 8, STRAND)[None]
    drift = rng.normal(0, 0.8, (count, 1)) * np.linspace(0, 1, STRAND) ** 2
    column = np.clip(rng.uniform(0, columns - 2, count)[:, None] + drift, 0, columns - 1)
    below = np.minimum(row.astype(int), rows - 2)
    share = (row - below)[..., None]
    side = np.round(column).astype(int)
    line = sheet[below, side] * (1 - share) + sheet[below + 1, side] * share
    away = _unit(line - np.array([0.0, 0.1, -0.6]))
    rise = rng.uniform(-0.01, 0.06, (count, 1)) * np.linspace(0, 1, STRAND) ** 1.5 + 0.006
    line = line + away * rise[..., None]
    line[:, :, 0] += rng.normal(0, 0.02, (count, 1)) * np.linspace(0, 1, STRAND)
    along = np.gradient(line, axis=1)
    across = _unit(np.cross(along, np.array([0.0, 0.0, 1.0])) + 1e-9)
    wide = 0.0045 * np.linspace(1, 0.35, STRAND)[None, :, None]
    return np.stack([line - across * wide, line + across * wide], 2).reshape(-1, 3)
