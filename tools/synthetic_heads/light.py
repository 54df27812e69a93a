"""Light as pictures of a lit sphere: what a surface receives depends on its normal alone."""

from dataclasses import dataclass

import numpy as np

SIZE = 128


@dataclass(frozen=True)
class Light:
    """Lit spheres, indexed by the normal's x (right) and y (up) as seen from the camera.

    Attributes:
        diffuse: (128, 128, 3) float32, light received (linear).
        soft: (128, 128) broad highlight of skin, hair and cloth.
        sharp: (128, 128) narrow highlight of eyes, teeth and lips.
    """

    diffuse: np.ndarray
    soft: np.ndarray
    sharp: np.ndarray


def random_light(rng: np.random.Generator) -> Light:
    """One key light, a weaker fill, ambient light from above and below, sometimes a light from behind."""
    warm = rng.normal(0, 0.05)
    key_colour = np.array([1 + warm, 1.0, 1 - warm])
    azimuth, elevation = rng.uniform(-1.15, 1.15), rng.uniform(0.1, 0.95)
    key = _direction(azimuth, elevation)
    fill = _direction(-np.sign(azimuth) * rng.uniform(0.4, 1.3), rng.uniform(-0.2, 0.5))
    strength = rng.uniform(0.45, 0.95)
    ambient = rng.uniform(0.22, 0.42)
    sky = np.array([1, 1, 1]) + rng.normal(0, 0.05, 3)
    ground = np.array([1.0, 0.93, 0.86]) * rng.uniform(0.35, 0.8)

    y, x = np.mgrid[1 : -1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    radius = np.maximum(np.sqrt(x * x + y * y), 1e-6)
    inside = np.minimum(1.0, 0.999 / radius)
    x, y = x * inside, y * inside
    normal = np.stack([x, y, np.sqrt(np.maximum(1 - x * x - y * y, 0))], -1)

    wrap = np.array([0.42, 0.28, 0.22])  # red light travels farther under the skin, so shadows begin warm
    lit = _wrapped(normal @ key, wrap) * key_colour * strength
    lit += _wrapped(normal @ fill, wrap) * sky * strength * rng.uniform(0.1, 0.4)
    up = (normal[..., 1:2] + 1) / 2
    lit += ambient * (ground * (1 - up) + sky * up)
    soft = _highlight(normal, key, 14.0) * strength + 0.25 * _highlight(normal, fill, 10.0)
    sharp = _highlight(normal, key, 160.0) * 1.3 + 0.35 * _highlight(normal, fill, 90.0)
    if rng.random() < 0.35:
        side = _direction(np.pi - rng.uniform(0.5, 1.1) * rng.choice([-1, 1]), 0.35)
        edge = np.clip(normal @ side + 0.35, 0, 1) ** 2
        lit += edge[..., None] * rng.uniform(0.4, 1.2) * (np.array([1, 1, 1]) + rng.normal(0, 0.1, 3))
    return Light(lit.astype(np.float32), soft.astype(np.float32), sharp.astype(np.float32))


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector; azimuth 0 comes from the camera, positive from the right of the picture."""
    return np.array(
        [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
    )


def _wrapped(cosine: np.ndarray, wrap: np.ndarray) -> np.ndarray:
    return np.clip((cosine[..., None] + wrap) / (1 + wrap), 0, None) ** 1.3


def _highlight(normal: np.ndarray, light: np.ndarray, power: float) -> np.ndarray:
    half = light + np.array([0, 0, 1])
    half = half / np.linalg.norm(half)
    return np.clip(normal @ half, 0, 1) ** power
