"""The complete renderer: planes of a head, their motion, its picture, and torso and background around it."""

from dataclasses import dataclass

from torch import Tensor, nn

from portrait3d.full.config import FullConfig
from portrait3d.full.head_renderer import FullDecoder, HeadRender, render_head
from portrait3d.full.head_torso_background import (
    HeadTorsoBackground,
    HeadTorsoBackgroundOutput,
    PersonConstants,
)
from portrait3d.full.image_to_plane import ImageToPlane
from portrait3d.full.motion_adapter import MotionAdapter
from portrait3d.full.plane_grid import PlaneGrid
from portrait3d.full.super_resolution import SuperResolution
from portrait3d.precision import network_dtype, networks_in


@dataclass(frozen=True)
class Surroundings:
    """What a person's picture shows beside the head.

    Attributes:
        torso: (B, 3, any, any) the source frame's torso in [-1, 1], inpainted under the head, else -1.
        mask: (B, 2, any, any) neck and clothes of the source frame in [0, 1].
        background: (B, 3, any, any) in [-1, 1].
        keypoints: (B, K, 2 or 3) of the source frame in [-1, 1]; see `torso_keypoints`.
    """

    torso: Tensor
    mask: Tensor
    background: Tensor
    keypoints: Tensor


@dataclass(frozen=True)
class Person:
    """All that is computed once per person; every tensor may have batch 1 and then serves any batch.

    Attributes:
        planes: (B, 3, C, R, R) or (B, 3, C, D, R, R) canonical planes; a learned one may take their place.
        still: (B, 3, S, S) what the motion adapter's first layer makes of canonical and source PNCC.
        surroundings: Torso and background, or None for the head alone.
        keypoints: (B, K, 2 or 3) of the source frame, or None.
    """

    planes: Tensor
    still: Tensor
    surroundings: PersonConstants | None = None
    keypoints: Tensor | None = None


@dataclass(frozen=True)
class FullFrame:
    """A drawn frame.

    Attributes:
        picture: (B, 3, S, S) in [-1, 1].
        head: The head at the ray grid.
        layers: Torso, occlusions and masks, or None for the head alone.
    """

    picture: Tensor
    head: HeadRender
    layers: HeadTorsoBackgroundOutput | None


class FullPortrait(nn.Module):
    """Real3D-Portrait's renderer (Ye et al. 2024), which MimicTalk adapts to a person.

    It holds `image_to_plane`, `plane_grid` (None for tri-planes), `motion_adapter`, `decoder`, and as
    `super_resolution` the plain one of the head alone or the head-torso-background model.
    """

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        self.config = config
        self.image_to_plane: ImageToPlane | None = ImageToPlane(config)
        grid = config.plane_depth > 1
        self.plane_grid = PlaneGrid(config.plane_channels, config.plane_depth) if grid else None
        self.motion_adapter = MotionAdapter(config)
        self.decoder = FullDecoder(config)
        self.super_resolution: SuperResolution | HeadTorsoBackground = (
            HeadTorsoBackground(config) if config.has_torso else SuperResolution(config)
        )

    def canonical_planes(
        self, head: Tensor, alpha: Tensor | None = None, camera: Tensor | None = None
    ) -> Tensor:
        """Planes (B, 3, C, R, R) or (B, 3, C, D, R, R) of a picture; arguments as `ImageToPlane.forward`."""
        if self.image_to_plane is None:
            raise ValueError("image-to-plane was dropped: load the model again for another picture")
        planes = self.image_to_plane(head, alpha, camera)
        return planes if self.plane_grid is None else self.plane_grid(planes)

    def drop_image_to_plane(self) -> None:
        """Free the memory of image-to-plane, three fifths of all weights: frames of a person who has planes
        do without it. `canonical_planes` refuses from then on."""
        self.image_to_plane = self.plane_grid = None

    def person(
        self,
        planes: Tensor,
        canonical_pncc: Tensor,
        source_pncc: Tensor,
        surroundings: Surroundings | None = None,
    ) -> Person:
        """Everything that is computed once.

        Args:
            planes: From `canonical_planes`, or learned.
            canonical_pncc: (B, 3, S, S) PNCC of the person at rest in [-1, 1].
            source_pncc: (B, 3, S, S) PNCC of the source frame's expression.
            surroundings: Torso and background.

        Raises:
            ValueError: If this model draws torso and background and they are not given.
        """
        still = self.motion_adapter.still(canonical_pncc, source_pncc)
        if not isinstance(self.super_resolution, HeadTorsoBackground):
            return Person(planes, still)
        if surroundings is None:
            raise ValueError("this model draws torso and background: give surroundings, got None")
        constants = self.super_resolution.constants(
            surroundings.torso, surroundings.mask, surroundings.background
        )
        return Person(planes, still, constants, surroundings.keypoints)

    def moved_planes(self, person: Person, target_pncc: Tensor) -> Tensor:
        """The planes of the wanted expressions; target_pncc (B, 3, S, S) in [-1, 1]."""
        diff = self.motion_adapter(person.still, target_pncc)
        return person.planes + diff if self.config.plane_fusion == "add" else person.planes * diff

    def forward(
        self,
        person: Person,
        target_pncc: Tensor,
        camera_to_world: Tensor,
        intrinsics: Tensor,
        target_keypoints: Tensor | None = None,
        *,
        precision: str = "float32",
    ) -> FullFrame:
        """Draw frames.

        Args:
            person: From `person`.
            target_pncc: (B, 3, S, S) PNCC of the wanted expressions in [-1, 1].
            camera_to_world: (B, 4, 4), OpenCV axes.
            intrinsics: (B, 3, 3), normalised to a picture of width 1.
            target_keypoints: (B, K, 2 or 3) of the wanted frames in [-1, 1]; unused for the head alone.
            precision: Of super-resolution, torso and background, nine tenths of a frame's arithmetic; see
                `network_dtype`. All else is float32.

        Returns:
            The frames, float32.

        Raises:
            ValueError: If torso and background are drawn and person or key-points lack them, or `precision`
                is unknown.
        """
        device = target_pncc.device
        networks = networks_in(network_dtype(precision, device), device)
        moved = self.moved_planes(person, target_pncc)
        head = render_head(moved, self.decoder, camera_to_world, intrinsics, self.config)
        del moved  # 75 MB at the published sizes, which nothing after it looks at
        if isinstance(self.super_resolution, SuperResolution):
            with networks:
                picture = self.super_resolution(head.raw, head.features)
            return FullFrame(picture.float().clamp(-1, 1), head, None)
        if person.surroundings is None or person.keypoints is None or target_keypoints is None:
            raise ValueError("torso and background need a person with surroundings, and target key-points")
        points = person.keypoints, target_keypoints
        with networks:
            layers = self.super_resolution(
                head.raw, head.features, head.opacity, *points, person.surroundings
            )
        return FullFrame(layers.picture.float().clamp(-1, 1), head, layers)


def pose_camera(camera: Tensor) -> tuple[Tensor, Tensor]:
    """EG3D's camera (B, 25) -> camera-to-world (B, 4, 4) and normalised intrinsics (B, 3, 3)."""
    pose, intrinsics = camera.split([16, 9], -1)
    return pose.unflatten(-1, (4, 4)), intrinsics.unflatten(-1, (3, 3))
