"""A person drawn from a seed: shape, skin, eyes, teeth, hair and clothes."""

from dataclasses import dataclass, field

import numpy as np
import torch

from synthetic_heads.atlas import NECK, SKIN, TORSO, Atlas
from synthetic_heads.clothes import CUTS, PATTERNS, TorsoLook, paint_torso
from synthetic_heads.draw import Mesh
from synthetic_heads.ears import ear_parts, paint_ears
from synthetic_heads.eyes import IRIS_COLOURS, EyeLook, eye_parts, paint_eyes, paint_lashes
from synthetic_heads.facial_hair import HAIR_COLOURS, paint_facial_hair
from synthetic_heads.hair import STYLES, HairLook, hair_parts, paint_hair
from synthetic_heads.head import FACE, SkullShape, head_parts, paint_neck
from synthetic_heads.mesh import Drive
from synthetic_heads.mouth import TeethLook, mouth_parts, paint_mouth
from synthetic_heads.skin import TONES, SkinLook, bare_skin, paint_skin
from synthetic_heads.torso import torso_parts


@dataclass(frozen=True)
class Looks:
    """All choices that make one person."""

    skull: SkullShape
    skin: SkinLook
    eyes: EyeLook
    teeth: TeethLook
    hair: HairLook
    torso: TorsoLook
    ear_size: float
    ear_tilt: float


@dataclass(frozen=True, eq=False)
class SyntheticPerson:
    """One person; everything follows from the seed.

    Attributes:
        seed: Any non-negative integer.
    """

    seed: int
    identity: np.ndarray = field(init=False)  # (80,) float32
    neutral: np.ndarray = field(init=False)  # (468, 3)
    looks: Looks = field(init=False)
    atlas: Atlas = field(init=False)
    solid: Mesh = field(init=False)
    clear: Mesh = field(init=False)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        from face3dmm import FaceModel

        rng = np.random.default_rng([self.seed, 1])
        model = FaceModel.open_face()
        identity = np.clip(rng.normal(0, 0.9, model.identity_basis.shape[-1]), -2.2, 2.2).astype(np.float32)
        zero = torch.zeros(model.expression_basis.shape[-1])
        neutral = model.vertices(torch.from_numpy(identity), zero).numpy()[:FACE]
        looks = random_looks(rng)
        atlas = Atlas()
        paint = np.random.default_rng([self.seed, 2])
        colour, shine = paint_skin(looks.skin, paint)
        paint_facial_hair(looks.skin, paint, colour)
        atlas.paint(SKIN, np.clip(colour, 0.01, 1), shine)
        neck = paint_neck(bare_skin(looks.skin, paint, NECK.height, NECK.width), paint)
        atlas.paint(NECK, np.clip(neck, 0.01, 1), 0.05)
        paint_ears(atlas, looks.skin.tone, paint)
        paint_eyes(atlas, looks.eyes, paint)
        paint_lashes(atlas, looks.eyes, looks.skin.hair, paint)
        paint_mouth(atlas, looks.teeth, paint)
        paint_hair(atlas, looks.hair, paint)
        paint_torso(atlas, looks.torso, bare_skin(looks.skin, paint, TORSO.height, TORSO.width), paint)

        head = head_parts(looks.skull, neutral)
        rest = Drive(neutral, neutral[None], np.zeros((1, 3)), np.zeros((1, 64)), np.zeros((1, 2)))
        at_rest = head[0].positions(rest)[0]
        parts = [
            *head,
            *ear_parts(neutral, looks.skull.width, looks.ear_size, looks.ear_tilt),
            *eye_parts(neutral, looks.eyes),
            *mouth_parts(neutral, looks.teeth),
            *torso_parts(looks.torso),
            *hair_parts(neutral, at_rest, looks.hair, paint),
        ]
        made = {
            "identity": identity,
            "neutral": neutral,
            "looks": looks,
            "atlas": atlas,
            "solid": Mesh([p for p in parts if not p.transparent]),
            "clear": Mesh([p for p in parts if p.transparent]),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def drive(self, expression: np.ndarray, gaze: np.ndarray) -> Drive:
        """Face and jaw of T frames.

        Args:
            expression: (T, 64).
            gaze: (T, 2) pitch (down positive), yaw (to the subject's left positive), radians.
        """
        from face3dmm import ARKIT_NAMES, FaceModel

        model = FaceModel.open_face()
        face = model.vertices(torch.from_numpy(self.identity), torch.from_numpy(expression)).numpy()[:, :FACE]
        jaw_shapes = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith("jaw")]
        chin = model.expression_basis[152][:, jaw_shapes].numpy()  # (3, 4)
        return Drive(self.neutral, face, expression[:, jaw_shapes] @ chin.T, expression, gaze)


def random_looks(rng: np.random.Generator) -> Looks:
    """Draw all choices."""
    position = rng.uniform(0, len(TONES) - 1)
    low = int(position)
    palette = np.array(TONES, np.float32) / 255
    tone = palette[low] + (palette[min(low + 1, len(TONES) - 1)] - palette[low]) * (position - low)
    tone = np.clip(tone * (1 + rng.normal(0, 0.025, 3)), 0.12, 0.97)
    hair_choice = rng.integers(0, 4) if position > 4.2 else rng.integers(0, len(HAIR_COLOURS))
    hair = np.array(HAIR_COLOURS[hair_choice], np.float32) / 255 * rng.uniform(0.8, 1.2)
    feminine = rng.random() < 0.5
    weights = np.array([0.04, 0.04, 0.1, 0.12, 0.15, 0.2, 0.27, 0.08] if feminine
                       else [0.12, 0.13, 0.3, 0.22, 0.08, 0.01, 0.04, 0.10])  # fmt: skip
    style = str(rng.choice(STYLES, p=weights / weights.sum()))
    bearded = not feminine and rng.random() < 0.35
    lip = tone * np.array([0.88, 0.58, 0.58]) + np.array([0.05, 0.0, 0.01])
    make_up = float(rng.uniform(0.2, 1.0)) if feminine and rng.random() < 0.5 else 0.0
    lip = lip * (1 - 0.7 * make_up) + 0.7 * make_up * np.array([0.70, 0.16, 0.22]) * rng.uniform(0.8, 1.2, 3)
    scalp = {"bald": float(rng.choice([0.0, 0.25])), "buzz": 0.85}.get(style, 1.0)
    hairline = float(rng.uniform(-0.06, 0.16))
    neck = float(rng.uniform(0.49, 0.55) if feminine else rng.uniform(0.55, 0.64))
    skin = SkinLook(
        tone=tone, lips=np.clip(lip, 0.05, 1), hair=hair,
        mottling=float(rng.uniform(0.3, 1)), pores=float(rng.uniform(0.5, 1.2)),
        freckles=float(rng.uniform(0.2, 1)) if rng.random() < 0.25 and position < 4 else 0.0,
        lines=float(rng.uniform(0.1, 1.0) ** 1.5), blush=float(rng.uniform(0, 0.9)), shine=float(rng.uniform(0.3, 1.2) * (0.55 + 0.5 * tone[0])),
        under_eye=float(rng.uniform(0.05, 0.7)), brow_width=float(rng.uniform(0.7, 1.35)),
        brow_density=float(rng.uniform(0.6, 1.3)), stubble=float(rng.uniform(0, 0.8)) if not feminine else 0.0,
        beard=float(rng.uniform(0.3, 1.0)) if bearded else 0.0, moustache=bool(rng.random() < 0.85),
        hairline=hairline, scalp=scalp, lashes=float(rng.uniform(0.3, 1)) if feminine else float(rng.uniform(0, 0.4)),
        make_up=make_up,
    )  # fmt: skip
    iris_choice = rng.integers(0, 3) if position > 3.5 else rng.integers(0, len(IRIS_COLOURS))
    eyes = EyeLook(
        iris=np.array(IRIS_COLOURS[iris_choice], np.float32) / 255 * rng.uniform(0.85, 1.15),
        iris_angle=float(rng.uniform(0.46, 0.52)), pupil=float(rng.uniform(0.3, 0.5)), red=float(rng.uniform(0, 1)),
        lash_length=float(rng.uniform(0.05, 0.09) if feminine else rng.uniform(0.03, 0.05)),
        lash_darkness=float(rng.uniform(0.7, 1) if feminine else rng.uniform(0.35, 0.7)),
    )  # fmt: skip
    white = (
        np.array([0.93, 0.90, 0.84])
        * rng.uniform(0.86, 1.0)
        * np.array([1, rng.uniform(0.97, 1), rng.uniform(0.88, 1)])
    )
    teeth = TeethLook(
        white, float(rng.uniform(0.3, 1)), float(rng.uniform(0, 1)), float(rng.uniform(-0.01, 0.035))
    )
    lighter = np.clip(hair * rng.uniform(1.3, 1.9) + rng.uniform(0.0, 0.06), 0, 1)
    look = HairLook(
        style=style, colour=hair, light=lighter, volume=float(rng.uniform(0.08, 0.2)), hairline=hairline,
        parting=float(rng.uniform(-1, 1)), curl=float(rng.uniform(0, 1)), length=float(rng.uniform(0.2, 1.3)),
    )  # fmt: skip
    cloth = np.clip(rng.uniform(0.06, 0.9) + rng.normal(0, 0.16, 3), 0.03, 0.95)
    second = np.clip(rng.uniform(0.1, 0.95) + rng.normal(0, 0.2, 3), 0.03, 0.97)
    torso = TorsoLook(
        shoulders=float(rng.uniform(1.75, 2.05) if feminine else rng.uniform(2.0, 2.35)),
        slope=float(rng.uniform(0.8, 1.3)), neck=neck, cut=str(rng.choice(CUTS)), pattern=str(rng.choice(PATTERNS)),
        cloth=cloth, second=second, shirt=np.clip(np.full(3, rng.uniform(0.7, 0.95)) + rng.normal(0, 0.05, 3), 0, 0.97),
    )  # fmt: skip
    skull = SkullShape(
        float(rng.normal(1, 0.025)), float(rng.normal(1, 0.025)), float(rng.normal(1, 0.02)), neck
    )
    return Looks(
        skull, skin, eyes, teeth, look, torso, float(rng.uniform(0.82, 1.05)), float(rng.uniform(0.1, 0.45))
    )
