"""Head, torso and background become one picture (Real3D-Portrait section 3.3, its HTB super-resolution)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from portrait3d.full.config import FullConfig
from portrait3d.full.super_resolution import super_resolution_blocks
from portrait3d.full.synthesis import SynthesisBlock
from portrait3d.full.torso_motion import keypoints_in_volume
from portrait3d.full.torso_warp import TorsoConstants, TorsoWarp

PRESENT = 0.05  # v3: below this alpha there is no head
THIN = 0.05  # v3: the part of the present head that may stay translucent


class BackgroundConstants(NamedTuple):
    """What the background alone decides: picture (B, 3, S / 2, S / 2) and features (B, W, S / 2, S / 2)."""

    picture: Tensor
    features: Tensor


class PersonConstants(NamedTuple):
    """All that does not change from frame to frame; of batch 1 it serves any batch."""

    torso: TorsoConstants
    background: BackgroundConstants


class HeadTorsoBackgroundOutput(NamedTuple):
    """The finished picture and what the training regularises.

    Attributes:
        picture: (B, 3, S, S) about [-1, 1], not clamped.
        torso: (B, 3, S / 2, S / 2) the warped torso, about [-1, 1].
        motion_occlusion: (B, 1, S / 8, S / 8) in [0, 1].
        torso_occlusion: (B, 1, S / 2, S / 2) in [0, 1]: where the warped torso hides the background.
        head_alpha: (B, 1, S / 2, S / 2) in [0, 1]: where the head hides the torso.
        person_mask: (B, 1, S / 2, S / 2) in [0, 1]: where either hides the background.
    """

    picture: Tensor
    torso: Tensor
    motion_occlusion: Tensor
    torso_occlusion: Tensor
    head_alpha: Tensor
    person_mask: Tensor


class HeadTorsoBackground(nn.Module):
    """Super-resolution of the head that lays it over the warped torso and both over a background.

    `config.fusion` says how head and torso meet: features added by alpha ("v1"), weighted by alpha and
    concatenated ("v2"), the same with an alpha that a small network predicts ("v3"), or, as the paper's
    ablation, all three concatenated without any alpha ("concat").
    """

    def __init__(self, config: FullConfig) -> None:
        super().__init__()
        width = config.sr_width
        narrow = width // 4
        self.fusion = config.fusion
        self.side = config.picture_size // 2
        self.head_threshold = 1.0 if config.head_threshold is None else config.head_threshold
        self.block0, self.block1 = super_resolution_blocks(config)
        self.torso_warp = TorsoWarp(config)
        self.torso_encoder = nn.Conv2d(config.torso_width, width, 1)
        self.background_encoder = _convolutions(3, (narrow, 3), (width, 3), (width, 3))
        if config.fusion in ("v2", "v3"):
            self.fuse_head_torso = _convolutions(2 * width, (width, 3), (width, 3))
            self.head_torso_block = SynthesisBlock(width, width, config.w_dim, up=False)
            # Published v2 holds v3's predictor, too, and never asks it.
            thin = config.torso_width // 2
            self.head_alpha = nn.Sequential(*_convolutions(7, (thin, 3), (thin, 3), (1, 3)), nn.Sigmoid())
            self.head_alpha.requires_grad_(config.fusion == "v3")
        met = 3 * width if config.fusion == "concat" else 2 * width
        self.fuse_background = _convolutions(met, (narrow, 1), (width, 3), (width, 3))

    def constants(self, torso: Tensor, torso_mask: Tensor, background: Tensor) -> PersonConstants:
        """Everything that is computed once per person.

        Args:
            torso: (B, 3, any, any) the source frame's torso in [-1, 1], inpainted under the head, else -1.
            torso_mask: (B, 2, any, any) in [0, 1]: neck and clothes of the source frame.
            background: (B, 3, any, any) in [-1, 1].
        """
        torso = _resized(torso, self.side)
        return PersonConstants(
            self.torso_warp.constants(torso, torso_mask), self.background_constants(background)
        )

    def background_constants(self, background: Tensor) -> BackgroundConstants:
        """The background's part; to switch it, `constants._replace(background=…)`."""
        picture = _resized(background, self.side)
        return BackgroundConstants(picture, self.background_encoder(picture))

    def forward(
        self,
        raw: Tensor,
        features: Tensor,
        opacity: Tensor,
        source_keypoints: Tensor,
        target_keypoints: Tensor,
        constants: PersonConstants,
    ) -> HeadTorsoBackgroundOutput:
        """Draw a frame.

        Args:
            raw: (B, 3, N, N) volume-rendered colour of the head in [-1, 1].
            features: (B, C, N, N) volume-rendered features, N the ray grid.
            opacity: (B, 1, N, N) in [0, 1]; no gradient passes.
            source_keypoints: (B or 1, K, 2 or 3) of `torso_keypoints`, in the source frame, in [-1, 1].
            target_keypoints: (B, K, 2 or 3) the same in the wanted frame.
            constants: From `constants`, of batch B or 1.
        """
        batch = raw.shape[0]
        background = constants.background
        drawn = F.interpolate(
            torch.cat([raw, opacity], 1).detach(),
            (self.side, self.side),
            mode="bilinear",
            align_corners=False,
        )
        alpha = drawn[:, 3:]
        torso = self.torso_warp(
            TorsoConstants(*(value.expand(batch, *value.shape[1:]) for value in constants.torso)),
            keypoints_in_volume(source_keypoints, batch),
            keypoints_in_volume(target_keypoints, batch),
            drawn[:, :3],
            alpha,
        )
        torso_features = self.torso_encoder(torso.features)
        x, picture = self.block0(features, raw)
        if self.fusion == "v3":
            seen = [picture.clamp(-1, 1) / 2 + 0.5, alpha, torso.picture.clamp(-1, 1) / 2 + 0.5]
            alpha = torch.minimum(self.head_alpha(torch.cat(seen, 1)), alpha)
        person = (torso.alpha + self._opaque(alpha)).clamp(0, 1)
        head, behind, body = (part.to(x.dtype) for part in (alpha, 1 - alpha, person))
        if self.fusion == "concat":
            everywhere = background.features.expand(batch, -1, -1, -1)
            x, picture = torch.cat([x, torso_features, everywhere], 1), None
        else:
            picture = picture * alpha + torso.picture * (1 - alpha)
            if self.fusion == "v1":
                x = x * head + torso_features * behind
            else:
                x = self.fuse_head_torso(torch.cat([x * head, torso_features * behind], 1))
                x, picture = self.head_torso_block(x, picture)
            picture = picture * person + background.picture * (1 - person)
            x = torch.cat([x * body, background.features.to(x.dtype) * (1 - body)], 1)
        _, picture = self.block1(self.fuse_background(x), picture)
        return HeadTorsoBackgroundOutput(picture, torso.picture, torso.occlusion, torso.alpha, alpha, person)

    def _opaque(self, alpha: Tensor) -> Tensor:
        """The head's part of the person mask: solid where alpha is above the threshold.

        In v3's evaluation at most the thinnest twentieth of the head stays translucent; each picture has its
        own threshold, so that a frame does not depend on the others of its batch.
        """
        threshold = alpha.new_full((len(alpha), 1, 1, 1), self.head_threshold)
        if self.fusion == "v3" and not self.training:
            for index, one in enumerate(alpha):
                present = one[one > PRESENT]
                if len(present):
                    threshold[index] = present.quantile(THIN).clamp_min(self.head_threshold)
        return torch.where(alpha > threshold, torch.ones_like(alpha), alpha)


def _convolutions(channels: int, *layers: tuple[int, int]) -> nn.Sequential:
    """Convolutions of (channels, kernel) with leaky ReLUs of slope 0.01 between."""
    made: list[nn.Module] = []
    for width, kernel in layers:
        if made:
            made.append(nn.LeakyReLU())
        made.append(nn.Conv2d(channels, width, kernel, padding=kernel // 2))
        channels = width
    return nn.Sequential(*made)


def _resized(picture: Tensor, side: int) -> Tensor:
    return F.interpolate(picture, (side, side), mode="bilinear", align_corners=False, antialias=True)
