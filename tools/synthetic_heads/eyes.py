"""Eyeballs with iris and pupil, the rims of the lids, the shadow below the upper lid, and lashes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthetic_heads import brush
from synthetic_heads.atlas import EYES, LASH, Atlas
from synthetic_heads.head import topology
from synthetic_heads.mesh import Drive, Part, grid_faces, part
from synthetic_heads.noise import fractal, mix, smoothstep
from synthetic_heads.skin import LEFT_LID, LEFT_LOWER, RIGHT_LID, RIGHT_LOWER

IRIS_COLOURS = (
    (54, 34, 22), (86, 54, 30), (112, 78, 44), (98, 96, 60), (86, 112, 92), (84, 118, 150), (120, 146, 166),
    (116, 122, 128),
)  # fmt: skip
CORNERS = ((362, 263), (33, 133))  # left eye, right eye
RINGS, SPOKES = 15, 28
SPAN = 1.75  # radians from the middle of the pupil that the mesh covers


@dataclass(frozen=True)
class EyeLook:
    """Colours (sRGB in [0, 1]) and sizes of the eyes.

    Attributes:
        iris: Colour.
        iris_angle: Half angle of the iris in radians.
        pupil: Pupil radius over iris radius.
        red: Strength of veins.
        lash_length: dm; lash_darkness in [0, 1].
    """

    iris: np.ndarray
    iris_angle: float
    pupil: float
    red: float
    lash_length: float
    lash_darkness: float


def paint_eyes(atlas: Atlas, look: EyeLook, rng: np.random.Generator) -> None:
    """Both eyeballs, seen along the gaze, unrolled by angle."""
    half = EYES.height
    pictures = []
    for _ in range(2):
        y, x = np.mgrid[-1 : 1 : half * 1j, -1 : 1 : half * 1j].astype(np.float32)
        radius, turn = np.hypot(x, y) * SPAN, np.arctan2(y, x)
        white = np.broadcast_to(np.array([0.88, 0.865, 0.845], np.float32), (half, half, 3)).copy()
        veins = np.zeros((half, half), np.uint8)
        for _ in range(26):
            angle = rng.choice([0, np.pi]) + rng.normal(0, 0.5)
            r = np.linspace(0.95, rng.uniform(0.5, 0.65), 8)
            a = angle + np.cumsum(rng.normal(0, 0.05, 8))
            path = np.stack([np.cos(a) * r, np.sin(a) * r], -1) * half / 2 + half / 2
            brush.strokes(veins, [path], np.array([rng.uniform(50, 160)]))
        white = mix(white, (0.72, 0.36, 0.34), veins.astype(np.float32) / 255 * (0.15 + 0.5 * look.red))
        white = mix(white, (0.80, 0.62, 0.58), smoothstep(0.75, 1.25, radius) * 0.55)
        size = look.iris_angle
        fibre = fractal(rng, 64, 512, 8, 3, 0.8)[0]
        ray = np.interp(turn, np.linspace(-np.pi, np.pi, 512), fibre, period=2 * np.pi).astype(np.float32)
        ring = np.clip(radius / size, 0, 1)
        iris = look.iris * (1.0 + 0.16 * ray * smoothstep(0.3, 0.6, ring))[..., None]
        iris = mix(iris, np.minimum(look.iris * 1.35 + 0.04, 1), 0.6 * np.exp(-(((ring - 0.5) / 0.14) ** 2)))
        iris = mix(iris, look.iris * 0.25, smoothstep(0.78, 1.0, ring))
        iris = mix(iris, (0.015, 0.012, 0.012), smoothstep(look.pupil + 0.05, look.pupil - 0.05, ring))
        pictures.append(mix(white, iris, smoothstep(size + 0.035, size - 0.035, radius)))
    atlas.paint(EYES, np.concatenate(pictures, 1), 0.1)


def paint_lashes(atlas: Atlas, look: EyeLook, hair: np.ndarray, rng: np.random.Generator) -> None:
    """Upper half: lashes, roots at the bottom; lower half: the shadow of the upper lid, dark at its top."""
    height, width = LASH.height // 2, LASH.width
    mask = np.zeros((height, width), np.uint8)
    count = 90
    roots = np.stack(
        [np.linspace(2, width - 3, count) + rng.normal(0, 1.5, count), np.full(count, height - 1.0)], -1
    )
    lean = (roots[:, 0] / width - 0.5) * 0.9
    direction = np.stack([lean, -np.ones(count)], -1)
    brush.strokes(
        mask, brush.hairs(rng, roots, direction, height * 0.8, 0.12), rng.uniform(150, 255, count), 2
    )
    line = np.zeros((height, width), np.float32)
    line[-10:] = np.linspace(0, 1, 10)[:, None]
    lashes = np.maximum(mask.astype(np.float32) / 255, line) * look.lash_darkness
    shadow = 0.62 * (1 - np.linspace(0, 1, height)[:, None]) ** 1.6 * np.ones((1, width))
    colour = np.broadcast_to((hair * 0.35).astype(np.float32), (2 * height, width, 3)).copy()
    colour[height:] = (0.16, 0.07, 0.06)
    atlas.paint(LASH, colour, np.concatenate([lashes, shadow]))


class Eyeball:
    """Positions of one eyeball, turned by the gaze."""

    def __init__(self, side: int, centre: np.ndarray, radius: float) -> None:
        self.centre, self.radius, self.side = centre, radius, side
        angle = np.linspace(0, SPAN, RINGS)[:, None]
        turn = np.linspace(0, 2 * np.pi, SPOKES, endpoint=False)[None]
        self.local = np.stack(
            [np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle) + 0 * turn], -1
        ).reshape(-1, 3)
        # The cornea bulges a little.
        self.local *= (1 + 0.05 * np.exp(-((angle / 0.5) ** 4)) + 0 * turn).reshape(-1, 1)
        s = 0.5 + 0.5 * angle / SPAN * np.cos(turn)
        t = 0.5 - 0.5 * angle / SPAN * np.sin(turn)
        self.uv = EYES.uv((s * 0.98 + 0.01 + side) / 2, t * 0.98 + 0.01).reshape(-1, 2)

    def __call__(self, drive: Drive) -> np.ndarray:
        pitch, yaw = drive.gaze[:, 0], drive.gaze[:, 1]
        cp, sp, cy, sy = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
        zero = np.zeros_like(cp)
        turn = np.stack(
            [
                np.stack([cy, sy * sp, sy * cp], -1),
                np.stack([zero, cp, -sp], -1),
                np.stack([-sy, cy * sp, cy * cp], -1),
            ],
            1,
        )
        return self.local @ turn.transpose(0, 2, 1) * self.radius + self.centre


def eyeball_centres(neutral: np.ndarray) -> np.ndarray:
    """Centre and radius (2, 4) of the left and the right eyeball of a face (468, 3) at rest."""
    from face3dmm import FaceModel

    model = FaceModel.open_face()
    mean, balls = model.mean.numpy(), model.eyeballs.numpy().copy()
    for ball, corners in zip(balls, CORNERS, strict=True):
        ids = list(corners)
        ratio = np.ptp(neutral[ids, 0]) / np.ptp(mean[ids, 0])
        ball[:3] += (neutral[ids] - mean[ids]).mean(0)
        ball[3] *= ratio
        ball[1] += 0.005  # the upper lid covers a little of the iris at rest
    return balls


def _strip(
    lid: tuple[int, ...], centre: np.ndarray, reach: float, tip: float
) -> Callable[[Drive], np.ndarray]:
    """Positions of a band along a lid: from the lid's edge outwards (reach) and along the edge's normal."""
    ids = list(lid)

    def positions(drive: Drive) -> np.ndarray:
        edge = drive.face[:, ids]
        outward = edge - centre
        outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
        end = edge + outward * reach
        end[..., 1] += tip
        start = edge + outward * 0.004
        return np.concatenate([start, end], 1)

    return positions


def eye_parts(neutral: np.ndarray, look: EyeLook) -> list[Part]:
    """Eyeballs, lid rims, lid shadows and lashes."""
    parts = []
    skin_uv = topology().uv
    lids = ((LEFT_LID, LEFT_LOWER), (RIGHT_LID, RIGHT_LOWER))
    for side, (ball, (upper, lower)) in enumerate(zip(eyeball_centres(neutral), lids, strict=True)):
        centre, radius = ball[:3], float(ball[3])
        globe = Eyeball(side, centre, radius)
        faces = grid_faces(RINGS, SPOKES, wrap=True)
        parts.append(part(f"eye {side}", globe, faces, globe.uv, gloss=1.0, shade=0.95, offset=0.06))
        loop = (*upper, *lower[-2:0:-1])
        uv = np.tile(skin_uv[list(loop)], (2, 1))

        def rim(drive: Drive, loop: tuple[int, ...] = loop, centre: np.ndarray = centre) -> np.ndarray:
            edge = drive.face[:, list(loop)]
            return np.concatenate([edge, edge + (centre - edge) * 0.22], 1)

        parts.append(
            part(f"lid rim {side}", rim, grid_faces(2, len(loop), wrap=True), uv, shade=0.8, offset=0.03)
        )
        count = len(upper)
        s = np.linspace(0, 1, count) if side == 0 else np.linspace(1, 0, count)
        low, high = np.full(count, 0.49), np.full(count, 0.02)
        lash_uv = np.concatenate([LASH.uv(s, low), LASH.uv(s, high)])
        strip = _strip(upper, centre, look.lash_length, 0.022)
        parts.append(
            part(
                f"lash {side}",
                strip,
                grid_faces(2, count),
                lash_uv,
                shade=0.8,
                offset=-0.03,
                transparent=True,
            )
        )

        def shadow(drive: Drive, upper: tuple[int, ...] = upper) -> np.ndarray:
            edge = drive.face[:, list(upper)]
            end = edge.copy()
            end[..., 1] -= 0.055
            return np.concatenate([edge, end], 1)

        shadow_uv = np.concatenate([LASH.uv(s, np.full(count, 0.53)), LASH.uv(s, np.full(count, 0.98))])
        parts.append(
            part(
                f"lid shadow {side}", shadow, grid_faces(2, count), shadow_uv, offset=0.045, transparent=True
            )
        )
    return parts
