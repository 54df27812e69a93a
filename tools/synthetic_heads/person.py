"""A person drawn from a seed: shape, skin, eyes, teeth, hair and clothes."""

from dataclasses import dataclass, field

import numpy as np
import torch

from synthetic_heads.atlas import NECK, SKIN, TORSO, Atlas
from synthetic_heads.clothes import paint_torso
from synthetic_heads.draw import Mesh
from synthetic_heads.ears import ear_parts, paint_ears
from synthetic_heads.eyes import eye_parts, paint_eyes, paint_lashes
from synthetic_heads.facial_hair import paint_facial_hair
from synthetic_heads.glasses import glasses_parts, paint_glasses
from synthetic_heads.hair import hair_parts
from synthetic_heads.hair_texture import paint_hair
from synthetic_heads.head import FACE, head_parts, paint_neck
from synthetic_heads.looks import Looks, random_looks
from synthetic_heads.mesh import Drive
from synthetic_heads.mouth import mouth_parts, paint_mouth
from synthetic_heads.skin import bare_skin, paint_skin
from synthetic_heads.torso import torso_parts


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
        identity = np.clip(rng.normal(0, 1.1, model.identity_basis.shape[-1]), -2.5, 2.5).astype(np.float32)
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
        if looks.glasses:
            paint_glasses(atlas, looks.glasses, paint)
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
            *(glasses_parts(neutral, looks.glasses) if looks.glasses else []),
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
