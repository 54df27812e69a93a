"""The portrait: planes, motion, volume rendering, super-resolution and the three layers of a picture."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from portrait3d.concat_fusion import ConcatFusion
from portrait3d.config import SMALL, PortraitConfig
from portrait3d.decoder import PlaneDecoder
from portrait3d.errors import InputError
from portrait3d.head_bounds import Window, hit_window, intersect_ellipsoid
from portrait3d.image_to_plane import ImageToPlane
from portrait3d.initialisation import begin_as_head
from portrait3d.keypoint_detector import KeypointDetector
from portrait3d.motion_adapter import MotionAdapter
from portrait3d.plane_axes import place_diff
from portrait3d.posed_guide import FrameGuide
from portrait3d.precision import exactly
from portrait3d.super_resolution import SuperResolution
from portrait3d.thinned_rays import between, thinned
from portrait3d.torso import TorsoWarp
from triplane_render import Rays, decode_reference, render_planes, sample_planes

OPAQUE = 1 / 512  # of the light left behind what changes no byte of a picture: a quarter of a head's samples


@dataclass(frozen=True)
class HeadLayer:
    """The rendered head inside a window of the picture.

    Attributes:
        window: Where it is.
        raw: (1, 3, rows, columns) colour at the ray grid, [0, 1], times opacity.
        opacity: (1, 1, rows, columns) of the volume.
        colour: (1, 3, s rows, s columns), [0, 1], times alpha.
        alpha: (1, 1, s rows, s columns), not clamped.
        scale: s, pixels per ray along a line.
    """

    window: Window
    raw: Tensor
    opacity: Tensor
    colour: Tensor
    alpha: Tensor
    scale: int = 4


class Portrait3D(nn.Module):
    """A generic 3D talking portrait (Real3D-Portrait, Ye et al. 2024), sized by a `PortraitConfig`."""

    def __init__(self, config: PortraitConfig = SMALL) -> None:
        super().__init__()
        self.config = config
        self.image_to_plane = ImageToPlane(config)
        self.motion_adapter = MotionAdapter(config)
        self.decoder = PlaneDecoder(config.plane_channels, config.decoder_hidden, config.plane_channels)
        if config.encoder_aligned:
            begin_as_head(self.image_to_plane.mean_planes, self.decoder, config.box_warp)
        self.super_resolution = SuperResolution(config.plane_channels, config.super_resolution_width)
        self.torso_warp = TorsoWarp(config.torso_keypoints, config.torso_width)
        if config.torso_keypoint_source == "learned":
            self.keypoint_detector = KeypointDetector(config.torso_keypoints, config.torso_width)
        if config.fusion == "concat":
            self.concat_fusion = ConcatFusion(config.torso_width)

    # ------------------------------------------------------------------ planes

    def predict_planes(self, head: Tensor, camera_to_world: Tensor, intrinsics: Tensor) -> Tensor:
        """Canonical planes of pictures.

        Args:
            head: (B, 3, S, S) in [-1, 1], all but the head -1.
            camera_to_world: (B, 4, 4) of the pictures.
            intrinsics: (B, 3, 3), normalised.

        Returns:
            (B, 3, C, R, R).
        """
        return self.image_to_plane(head, camera_to_world, intrinsics)

    def drive_planes(self, planes: Tensor, canonical: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Add the diff-plane of an expression to canonical planes.

        Args:
            planes: (B or 1, 3, C, R, R).
            canonical, source: (1, 3, P, P) PNCC in [-1, 1].
            target: (B, 3, P, P) PNCC in [-1, 1].

        Returns:
            (B, 3, C, R, R).
        """
        return self.add_diff(planes, self.motion_adapter(canonical, source, target))

    def add_diff(self, planes: Tensor, diff: Tensor) -> Tensor:
        """Planes (B, 3, C, R, R) plus a diff-plane (B, 3, C, h, w), put where its PNCC picture looks."""
        return planes + place_diff(diff, planes.shape[-1], self.config.box_warp)

    def densities(self, planes: Tensor, points: Tensor) -> Tensor:
        """Densities (B, M) before their softplus at world points (B, M, 3)."""
        features = sample_planes(planes, points, box_warp=self.config.box_warp)
        return decode_reference(self.decoder.weights(), features)[0]

    # ------------------------------------------------------------------ layers

    def head_rays(self, camera_to_world: Tensor, intrinsics: Tensor) -> tuple[Rays, Tensor, Tensor]:
        """Rays of the whole grid and where each meets the head, near and far (B, G * G)."""
        with exactly(camera_to_world.device):  # geometry needs all its bits
            rays = Rays.from_camera(camera_to_world, intrinsics, self.config.ray_grid)
            centre = rays.origins.new_tensor(self.config.head_centre)
            radii = rays.origins.new_tensor(self.config.head_radii)
            near, far = intersect_ellipsoid(rays.origins, rays.directions, centre, radii)
        return rays, near, far

    def head_window(self, camera_to_world: Tensor, intrinsics: Tensor) -> Window:
        """The window of one frame's picture that holds the head.

        Raises:
            ValueError: If the head is out of the picture.
        """
        _, near, far = self.head_rays(camera_to_world[None], intrinsics[None])
        grid = self.config.ray_grid
        return hit_window(near.reshape(grid, grid), far.reshape(grid, grid))

    def render_head(
        self,
        planes: Tensor,
        camera_to_world: Tensor,
        intrinsics: Tensor,
        window: Window | None = None,
        *,
        guide: FrameGuide | None = None,
        half: bool = False,
    ) -> HeadLayer:
        """Render one frame's head.

        Args:
            planes: (1, 3, C, R, R), driven.
            camera_to_world: (1, 4, 4).
            intrinsics: (1, 3, 3), normalised.
            window: The rays wanted; None takes all that meet the head.
            guide: Of the person and the frame (`PosedGuide.over`); None for nobody's.
            half: For pictures of half the size: two pixels per place of the ray grid instead of four. Where a
                guide brings the detail, rays are cast at every other place each way (`thinned`).
        """
        config = self.config
        rays, near, far = self.head_rays(camera_to_world, intrinsics)
        grid, thin = config.ray_grid, half and guide is not None
        if window is None:
            window = hit_window(near[0].reshape(grid, grid), far[0].reshape(grid, grid))

        def cut(values: Tensor) -> Tensor:
            channels = values.reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
            part = window.take_rays(channels)
            return (thinned(part) if thin else part).flatten(2).transpose(1, 2).contiguous()

        with exactly(planes.device):  # kernels take one type for all
            out = render_planes(
                planes.float(),
                self.decoder.weights(),
                Rays(cut(rays.origins), cut(rays.directions)),
                near=cut(near)[..., 0],
                far=cut(far)[..., 0],
                samples=config.ray_samples,
                box_warp=config.box_warp,
                stop_transmittance=OPAQUE,
            )
        size = window.rows, window.columns
        shape = (1, -1, *(-(-side // 2) if thin else side for side in size))
        features = out.features.transpose(1, 2).reshape(shape)
        opacity = out.opacity.reshape(shape)
        if thin:
            features, opacity = between(features, *size), between(opacity, *size)
        if guide is not None:
            features = guide.beside_eyes(features, window)
        enlarge = self.super_resolution.halved if half else self.super_resolution
        colour, alpha = enlarge(features, opacity, None if guide is None else guide(window))
        return HeadLayer(window, features[:, :3], opacity, colour, alpha, 2 if half else 4)

    def render_back(
        self, torso: Tensor, background: Tensor, source: Tensor, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The bent torso over the background.

        Args:
            torso: (B, 4, S, S); background: (B, 3, S, S); source, target: (B, K, 2) key-points.

        Returns:
            picture (B, 3, S, S) in [0, 1] and the torso's alpha (B, 1, S, S).
        """
        bent = self.torso_warp(torso, source, target)
        alpha = bent[:, 3:].clamp(0, 1)
        picture = alpha * bent[:, :3] + (1 - alpha) * background
        return picture * 0.5 + 0.5, alpha

    def compose(self, head: HeadLayer, back: Tensor) -> Tensor:
        """Lay the head over torso and background inside its window (alpha blending, section 3.3).

        Args:
            head: The head layer.
            back: (1, 3, S, S) in [0, 1], S = `head.scale` times the ray grid.

        Returns:
            (1, 3, s rows, s columns) in [0, 1], not clamped.
        """
        back = head.window.take_pixels(back, head.scale)
        if self.config.fusion == "concat":
            return self.concat_fusion(head.colour, back)
        return head.colour + (1 - head.alpha.clamp(0, 1)) * back

    # ------------------------------------------------------------------ storage

    def save(self, folder: Path, card: dict[str, object] | None = None) -> None:
        """Write `<folder>/small.safetensors` (float16) and `small.json` with config and sha256."""
        from portrait3d.storage import save_weights

        save_weights(self, folder, card or {})

    @classmethod
    def from_pretrained(cls, name: str | Path = "small") -> "Portrait3D":
        """Load the embedded weights ("small") or those of a folder written by `save`.

        Raises:
            InputError: If the weights are missing or do not match their sha256.
        """
        from portrait3d.storage import load_weights, weights_folder

        folder = weights_folder(name)
        state, description = load_weights(folder)
        model = cls(PortraitConfig(**description["config"]))
        missing, unexpected = model.load_state_dict(state, strict=False)
        if missing or unexpected:
            raise InputError(
                str(folder),
                f"weights do not fit this version ({len(missing)} missing, {len(unexpected)} unknown)",
                "Install the package version named in its small.json, or adapt again.",
            )
        return model.eval()

    @staticmethod
    def base_sha256(name: str | Path = "small") -> str:
        """sha256 of the weight file, by which an avatar names its base."""
        from portrait3d.storage import weights_folder

        return json.loads((weights_folder(name) / "small.json").read_text())["sha256"]


def parameter_count(module: nn.Module) -> int:
    """Number of learned values."""
    return sum(parameter.numel() for parameter in module.parameters())


def to_picture(image: Tensor) -> Tensor:
    """(…, C, H, W) in [0, 1] -> uint8 (…, H, W, C)."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8).movedim(-3, -1)
