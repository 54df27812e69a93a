"""Learning by contrast: the sound of this moment against the sound of other moments.

The samples are those of Real3D-Portrait's expert (published-systems section 3.3: the true moment, shifts of 2
to 5 frames, of 5 to 10, other people), but all of them for every moment at once: a softmax over cosines
(van den Oord et al. 2018, eq. 4) instead of one drawn pair and a binary cross-entropy. A shift of one
frame is neither right nor wrong, because people's mouths lead their sound by 0 to 2 frames.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .sync import near_voice
from .sync_network import REACH, SyncNetwork, cosines, standardise

FARTHEST = 15  # frames
NEAREST_WRONG = 2  # frames
OTHERS = 6  # clips whose sound is tried beside the right one's
ENERGY = 65  # column of `AudioFeatures.stack`
PART = 25  # frames over which cosines are also averaged before they are compared


def contrastive_loss(network: SyncNetwork, audio: Tensor, motion: Tensor) -> Tensor:
    """Cross-entropy of the right sound among shifted and foreign ones, frame by frame and second by second.

    Args:
        audio: (B, 2T, 67); motion: (B, T, M) standardised; T > 2 x (15 + 7) + 25.
    """
    sound, mouth = network.encode_sound(audio), network.encode_motion(motion)
    edge = FARTHEST + REACH  # near the ends the padding would give the moment away
    inside = slice(edge, motion.shape[1] - edge)
    own = cosines(sound, mouth, FARTHEST)[:, :, inside]
    wrong = [shift for shift in range(-FARTHEST, FARTHEST + 1) if abs(shift) >= NEAREST_WRONG]
    foreign = [
        (mouth * sound.roll(k, dims=0)).sum(-1)[:, inside] for k in range(1, min(OTHERS, len(audio) - 1) + 1)
    ]
    right_first = [FARTHEST, *(shift + FARTHEST for shift in wrong)]
    logits = torch.cat([own[:, right_first], torch.stack(foreign, dim=1)], dim=1) * network.sharpness.exp()
    weight = near_voice(audio)[:, inside]
    return _entropy(logits, weight) + _entropy(_mean(logits * weight[:, None]), _mean(weight[:, None])[:, 0])


def like_tracked(motion: Tensor, generator: torch.Generator) -> Tensor:
    """Motion as trackers of real faces give it: (B, T, M) -> (B, T, M) standardised.

    Drawn per clip: mixed channels (another face shape), smoothing, white and slow noise that hits the small
    shapes hardest, and for three clips in ten nothing but the lip gap.
    """
    size, _, channels = motion.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    mixing = torch.eye(channels) + 0.15 * noise(size, channels, channels)
    motion = standardise(motion @ mixing)
    reach = torch.arange(-4, 5)
    kernel = torch.exp(-0.5 * (reach / (0.05 + 1.3 * draw(size, 1))) ** 2)
    motion = _smooth(motion, kernel / kernel.sum(dim=1, keepdim=True))
    slow = F.avg_pool1d(noise(*motion.shape).transpose(1, 2), 25, 1, 12).transpose(1, 2) * 5
    more = torch.linspace(0.5, 1.2, channels)
    motion = motion + more * draw(size, 1, 1) * (0.6 * noise(*motion.shape) + 0.8 * draw(size, 1, 1) * slow)
    alone = draw(size, 1, 1) < 0.3
    motion = motion * torch.where(alone, F.one_hot(torch.tensor(0), channels).float(), torch.ones(channels))
    return standardise(motion)


def judge(network: SyncNetwork, audio: Tensor, motion: Tensor) -> dict[str, float]:
    """Loss, and the share of stretches of 2 s and 6 s of speech (where clips are long enough) whose offset is
    found within a frame."""
    with torch.no_grad():
        scores = {"loss": float(contrastive_loss(network, audio, motion))}
        rows = cosines(network.encode_sound(audio), network.encode_motion(motion), FARTHEST)
        edge = FARTHEST + REACH
        rows, weight = rows[:, :, edge:-edge], near_voice(audio)[:, edge:-edge]
        for length in (n for n in (50, 150) if n <= rows.shape[2]):
            means = F.avg_pool1d(rows * weight[:, None], length, 25)
            spoken = F.avg_pool1d(weight[:, None], length, 25)[:, 0] > 0.8
            found = (means.argmax(dim=1) - FARTHEST).abs() <= 1
            scores[f"found_{length // 25}s"] = float(found[spoken].float().mean())
    return scores


def stranger_confidence(network: SyncNetwork, audio: Tensor, motion: Tensor, share: float = 0.99) -> float:
    """Confidence (median minus least distance over the shifts) that this share of wrong pairs stays below.

    Args:
        audio: (B, 2T, 67); motion: (B, T, M) standardised, both of the same B clips.
        share: of the pairs of a motion with another clip's sound.

    Raises:
        ValueError: no two of the clips hold different speech.
    """
    edge, found = FARTHEST + REACH, []
    with torch.no_grad():
        mouth = network.encode_motion(motion)
        for k in range(1, min(OTHERS, len(audio) - 1) + 1):
            foreign = audio.roll(k, dims=0)
            # Two clips may be drawn from one sound: no strangers.
            other = (audio[..., ENERGY] - foreign[..., ENERGY]).abs().mean(dim=1) > 1e-3
            distances = (2 - 2 * cosines(network.encode_sound(foreign), mouth, FARTHEST)).clamp(min=0).sqrt()
            weight = near_voice(foreign)[:, None, edge:-edge]
            spoken = weight.mean(dim=(1, 2)) > 0.5
            curve = (distances[:, :, edge:-edge] * weight).sum(-1) / weight.sum(-1).clamp(min=1)
            confidence = curve.median(dim=1).values - curve.amin(dim=1)
            found.append(confidence[other & spoken])
    if not sum(len(part) for part in found):
        raise ValueError("no two clips with different speech were drawn: the sync expert needs more clips")
    return float(torch.cat(found).quantile(share))


def _entropy(logits: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy of the first of (B, K, N) where there is weight (B, N)."""
    return -(logits.log_softmax(dim=1)[:, 0] * weight).sum() / weight.sum().clamp(min=1)


def _mean(rows: Tensor) -> Tensor:
    return F.avg_pool1d(rows, PART, 5)


def _smooth(motion: Tensor, kernel: Tensor) -> Tensor:
    """Each clip of (B, T, M) by its own kernel (B, K)."""
    half = kernel.shape[1] // 2
    rows = F.pad(motion.permute(2, 0, 1), (half, half), mode="replicate")
    return F.conv1d(rows, kernel.unsqueeze(1), groups=len(motion)).permute(1, 2, 0)
