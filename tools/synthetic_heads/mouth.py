"""Inside of the mouth: cavity, two rows of teeth with gums, a tongue."""

from dataclasses import dataclass

import numpy as np

from synthetic_heads.atlas import MOUTH, Atlas, Region
from synthetic_heads.mesh import Drive, Part, grid_faces, part
from synthetic_heads.noise import fractal, mix, smoothstep

INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
UPPER_TEETH = Region(MOUTH.x, MOUTH.y, 384, 96)
LOWER_TEETH = Region(MOUTH.x, MOUTH.y + 96, 384, 96)
CAVITY = Region(MOUTH.x, MOUTH.y + 192, 192, 192)
TONGUE = Region(MOUTH.x + 192, MOUTH.y + 192, 192, 192)
ARCH = 25  # vertices along a row of teeth


@dataclass(frozen=True)
class TeethLook:
    """Teeth of one person.

    Attributes:
        colour: sRGB in [0, 1].
        gaps: Darkness of the gaps in [0, 1].
        unevenness: Spread of the teeth's lengths and tones in [0, 1].
        show: dm by which the upper teeth reach below the closed lips' line.
    """

    colour: np.ndarray
    gaps: float
    unevenness: float
    show: float


def paint_mouth(atlas: Atlas, look: TeethLook, rng: np.random.Generator) -> None:
    """Textures of both rows, cavity and tongue."""
    widths = np.array([0.62, 0.68, 0.72, 0.78, 0.68, 0.86, 0.86, 0.68, 0.78, 0.72, 0.68, 0.62])
    atlas.paint(UPPER_TEETH, *_teeth(look, rng, widths, root_up=True))
    widths = np.array([0.7, 0.7, 0.7, 0.68, 0.6, 0.56, 0.56, 0.6, 0.68, 0.7, 0.7, 0.7])
    atlas.paint(LOWER_TEETH, *_teeth(look, rng, widths, root_up=False))
    side = CAVITY.height
    depth = np.linspace(0, 1, side, dtype=np.float32)[:, None] * np.ones((1, side), np.float32)
    wet = np.array([0.50, 0.20, 0.19]) * (1 + 0.06 * fractal(rng, side, side, 20, 3))[..., None]
    atlas.paint(CAVITY, mix(wet, (0.045, 0.012, 0.012), smoothstep(0.05, 0.75, depth)), 0.05)
    x = np.linspace(-1, 1, side)[None]
    tongue = np.array([0.70, 0.36, 0.36]) * (1 + 0.05 * fractal(rng, side, side, 4, 2, 0.9))[..., None]
    tongue = mix(tongue, tongue * 0.72, np.exp(-((x / 0.09) ** 2)) * np.ones((side, 1)) * 0.6)
    atlas.paint(TONGUE, tongue, 0.35)


def _teeth(
    look: TeethLook, rng: np.random.Generator, widths: np.ndarray, root_up: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A row of teeth from the front: colour (96, 384, 3) and highlight; root_up puts the gum at the top."""
    height, width = UPPER_TEETH.height, UPPER_TEETH.width
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    borders = np.concatenate([[0], np.cumsum(widths)]) / widths.sum()
    which = np.clip(np.searchsorted(borders, x[0], side="right") - 1, 0, len(widths) - 1)
    within = (x[0] - borders[which]) / (borders[which + 1] - borders[which])
    rough = look.unevenness
    tone = 1 + rng.normal(0, 0.035 * (0.4 + rough), len(widths))[which]
    gap = np.exp(-((np.minimum(within, 1 - within) * widths[which] / 0.045) ** 2))
    arch = (2 * within - 1) ** 2
    gum = 0.30 + 0.11 * arch + rng.normal(0, 0.03 * rough, len(widths))[which]
    colour = np.broadcast_to(look.colour.astype(np.float32), (height, width, 3)) * tone[None, :, None]
    colour = colour * (1 - 0.20 * arch[None, :, None] * np.array([0.7, 1.0, 1.2]))
    colour = colour * (1 + 0.02 * fractal(rng, height, width, 12, 3))[..., None]
    colour = mix(
        colour, colour * np.array([0.93, 0.88, 0.78]), smoothstep(0.62, 0.3, y)
    )  # yellower at the root
    colour = mix(colour, colour * np.array([0.90, 0.93, 0.97]), smoothstep(0.85, 1.0, y))
    colour = mix(colour, (0.20, 0.09, 0.07), (gap * (0.25 + 0.6 * look.gaps))[None] * smoothstep(0.2, 0.5, y))
    edge = 1.0 - 0.055 * arch**2 - rng.uniform(0, 0.06 * (0.3 + rough), len(widths))[which]
    colour = mix(colour, (0.05, 0.02, 0.02), smoothstep(-0.02, 0.02, y - edge[None]))
    pink = np.array([0.74, 0.40, 0.40]) * (1 + 0.05 * fractal(rng, height, width, 14, 3))[..., None]
    colour = mix(colour, colour * 0.7, np.exp(-(((y - gum[None]) / 0.05) ** 2)))
    colour = mix(colour, pink, smoothstep(0.02, -0.02, y - gum[None]))
    shine = 0.25 * smoothstep(0.2, 0.5, y) * (1 - gap[None])
    if not root_up:
        colour, shine = colour[::-1], shine[::-1]
    return np.ascontiguousarray(colour), np.ascontiguousarray(shine)


def _row(neutral: np.ndarray, *, upper: bool, look: TeethLook) -> np.ndarray:
    """Vertices (2, ARCH, 3) of one row of teeth at rest: top edge, bottom edge."""
    lips = (neutral[13] + neutral[14]) / 2
    width = np.abs(neutral[61, 0] - neutral[291, 0]) * (0.47 if upper else 0.43)
    turn = np.linspace(-1.25, 1.25, ARCH)
    x = width * np.sin(turn) / np.sin(1.25)
    z = lips[2] - (0.085 if upper else 0.11) - 0.55 * (1 - np.cos(turn))
    tip = lips[1] - look.show if upper else lips[1] - look.show + 0.012
    root = tip + 0.17 if upper else tip - 0.16
    bow = 0.02 * (1 - np.cos(turn))  # the rows rise towards the back
    rows = [
        np.stack([x + lips[0], np.full(ARCH, y) + bow, z], -1)
        for y in ((root, tip) if upper else (tip, root))
    ]
    return np.stack(rows)


def jaw_motion(points: np.ndarray, jaw: np.ndarray, hinge: np.ndarray, chin: np.ndarray) -> np.ndarray:
    """Points (v, 3) turned about the jaw's hinge so that the chin goes down as far as `jaw` (T, 3) says."""
    arm = chin - hinge
    angle = np.arctan2(jaw[:, 1], arm[2])  # a chin that falls by dy
    moved = points[None] - hinge
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    y = c * moved[..., 1] + s * moved[..., 2]
    z = -s * moved[..., 1] + c * moved[..., 2]
    turned = np.stack([np.broadcast_to(moved[..., 0], y.shape), y, z], -1) + hinge
    turned[..., 0] += 0.8 * jaw[:, None, 0]
    return turned


def mouth_parts(neutral: np.ndarray, look: TeethLook) -> list[Part]:
    """Cavity, teeth and tongue of a face (468, 3) at rest."""
    lips = (neutral[13] + neutral[14]) / 2
    hinge = np.array([0.0, (neutral[234, 1] + neutral[454, 1]) / 2 - 0.1, neutral[234, 2] - 0.1])
    chin = neutral[152]
    upper, lower = _row(neutral, upper=True, look=look), _row(neutral, upper=False, look=look)

    def upper_teeth(drive: Drive) -> np.ndarray:
        return np.broadcast_to(upper.reshape(1, -1, 3), (len(drive.face), 2 * ARCH, 3))

    def lower_teeth(drive: Drive) -> np.ndarray:
        return jaw_motion(lower.reshape(-1, 3), drive.jaw, hinge, chin)

    def cavity(drive: Drive) -> np.ndarray:
        ring = drive.face[:, list(INNER_LIPS)]
        middle = ring.mean(1, keepdims=True)
        rings = [ring]
        for shrink, depth in ((1.05, 0.05), (1.2, 0.14), (1.25, 0.4), (0.9, 0.7), (0.02, 0.72)):
            inner = middle + (ring - middle) * np.array([min(shrink, 1.02), shrink, 1.0])
            inner[..., 2] = ring[..., 2] * max(0, 1 - depth * 3) + (lips[2] - depth) * min(1, depth * 3)
            rings.append(inner)
        return np.concatenate(rings, 1)

    y, x = np.mgrid[0:1:9j, -1:1:11j]
    root = (
        np.stack(
            [x * 0.17, -0.13 - 0.03 * x**2 + 0.05 * np.sin(y * 3.0), -0.62 + 0.46 * y - 0.10 * x**2 * y], -1
        )
        + lips
    )
    root[..., 1] -= 0.04 * y**3
    tongue_rest = root.reshape(-1, 3)
    from face3dmm import ARKIT_NAMES

    out = list(ARKIT_NAMES).index("tongueOut")

    def tongue(drive: Drive) -> np.ndarray:
        moved = jaw_motion(tongue_rest, drive.jaw * 0.8, hinge, chin)
        moved[..., 2] += (0.40 * drive.expression[:, None, out]) * y.reshape(-1)
        moved[..., 1] += 0.10 * drive.expression[:, None, out] * y.reshape(-1)
        return moved

    s = np.tile(np.linspace(0.02, 0.98, ARCH), 2)
    t = np.repeat([0.0, 1.0], ARCH)
    dim = np.tile(np.cos(np.linspace(-1.25, 1.25, ARCH)) ** 1.2, 2) * 0.62 + 0.22  # darker towards the cheeks
    rows = 6
    around = np.tile(np.abs(np.linspace(-1, 1, 20)), rows)
    down = np.repeat(np.linspace(0, 1, rows), 20)
    tooth_faces = grid_faces(2, ARCH)
    across, along = (x.reshape(-1) + 1) / 2, y.reshape(-1)
    return [
        part(
            "cavity",
            cavity,
            grid_faces(rows, 20, wrap=True),
            CAVITY.uv(around, down),
            shade=0.75,
            offset=0.02,
        ),
        part(
            "upper teeth", upper_teeth, tooth_faces, UPPER_TEETH.uv(s, t), shade=dim, gloss=0.25, offset=0.05
        ),
        part(
            "lower teeth",
            lower_teeth,
            tooth_faces,
            LOWER_TEETH.uv(s, t),
            shade=dim * 0.85,
            gloss=0.2,
            offset=0.06,
        ),
        part(
            "tongue", tongue, grid_faces(9, 11), TONGUE.uv(across, along), shade=0.55, gloss=0.2, offset=0.06
        ),
    ]
