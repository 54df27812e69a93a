"""Real3D-Portrait's audio-to-motion model: a variational auto-encoder whose prior is a flow driven by speech.

Real3D-Portrait (Ye et al. 2024, ICLR); the model is GeneFace's (Ye et al. 2023, ICLR) with more inputs. Names
are ours; `published_keys` has the published ones.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from talk_motion.full.config import FlowVaeConfig
from talk_motion.full.flow_prior import FlowPrior
from talk_motion.full.sound_layers import ConvPair, PitchEncoder, scaled
from talk_motion.full.speech import Heard, SpeechFeatures
from talk_motion.full.wavenet import WaveNet, masked

MOUTH_OPENING = 0.4  # what the published model takes where none is told
TEMPERATURE = 0.2  # of the published command line


@dataclass(frozen=True)
class Coded:
    """What the encoder makes of motion, L latent frames.

    Attributes:
        latent: drawn, (B, latent, L).
        mean, log_deviation: of what it was drawn from, (B, latent, L).
        noise: the latent as the prior sees it, (B, latent, L).
        valid: (B, 1, L) float, 0 for padding.
    """

    latent: Tensor
    mean: Tensor
    log_deviation: Tensor
    noise: Tensor
    valid: Tensor


class FlowVae(nn.Module):
    """The network. Clips need a multiple of `config.stride` motion frames; `sample` pads by itself."""

    def __init__(self, config: FlowVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.hearing = Hearing(config)
        self.sound_to_latent = _shrink(config.sound, config.sound, config.stride)
        self.shrink = _shrink(config.motion, config.width, config.stride)
        self.encoder = WaveNet(config.width, config.kernel, config.encoder_layers, config.sound)
        self.moments = nn.Conv1d(config.width, 2 * config.latent, 1)
        self.prior = FlowPrior(
            config.latent,
            config.flow_width,
            config.flow_kernel,
            config.flow_layers,
            config.flow_blocks,
            config.sound,
        )
        self.grow = nn.ConvTranspose1d(config.latent, config.width, config.stride, config.stride)
        self.decoder = WaveNet(config.width, config.kernel, config.decoder_layers, config.sound)
        self.leave = nn.Conv1d(config.width, config.motion, 1)

    def encode(
        self,
        motion: Tensor,
        sound: Tensor,
        valid: Tensor,
        generator: torch.Generator | None = None,
        place: tuple[int, int] = (0, 1),
    ) -> Coded:
        """Motion to its latent.

        Args:
            motion: (B, T, M).
            sound: (B, C, T) from `hearing`.
            valid: (B, T) bool, False for padding.
            generator: of the draw.
            place: (k, n) where these are the clips k, k + n, k + 2n, … of a batch; the draw is the batch's.
        """
        shrunk = self.shrink(motion.transpose(1, 2))
        shrunk_sound = self.sound_to_latent(sound)
        frames = valid[:, None, :: self.config.stride].to(motion.dtype)
        hidden = self.encoder(shrunk * frames, shrunk_sound, frames)
        mean, log_deviation = self.moments(hidden).chunk(2, dim=1)
        size, (number, shares) = len(mean), place
        draw = torch.randn((size * shares, *mean.shape[1:]), generator=generator)[number::shares].to(
            mean.device
        )
        latent = mean + draw * log_deviation.exp()
        noise = self.prior.to_noise(latent, shrunk_sound, frames)
        return Coded(latent, mean, log_deviation, noise, frames)

    def decode(self, latent: Tensor, sound: Tensor, valid: Tensor | None = None) -> Tensor:
        """Latent (B, latent, L) and sound (B, C, T) to motion (B, T, M); `valid` (B, T) bool."""
        frames = None if valid is None else valid[:, None].to(latent.dtype)
        hidden = self.decoder(masked(self.grow(latent), frames), sound, frames)
        return masked(self.leave(hidden), frames).transpose(1, 2)

    def forward(
        self,
        heard: Heard,
        motion: Tensor,
        valid: Tensor,
        generator: torch.Generator | None = None,
        place: tuple[int, int] = (0, 1),
    ) -> tuple[Tensor, Coded]:
        """Motion through the bottle-neck: (B, T, M), and what the losses need; see `encode`."""
        sound = self.hearing(heard)
        coded = self.encode(motion, sound, valid, generator, place)
        return self.decode(coded.latent, sound, valid), coded

    @torch.no_grad()
    def sample(
        self,
        speech: SpeechFeatures,
        *,
        temperature: float = TEMPERATURE,
        mouth_opening: float = MOUTH_OPENING,
        blink: Tensor | None = None,
        noise: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Draw motion (T, M) for a whole clip in one pass.

        Args:
            speech: sound of T motion frames.
            temperature: deviation of the noise; 0 gives the most likely latent.
            mouth_opening: size of mouth movements.
            blink: (2T,) 1 where the eyes are shut; open by default.
            noise: (latent, L) of deviation 1, L = T / stride rounded up; drawn from `seed` by default.
            seed: of the noise.
        """
        stride, place = self.config.stride, self.leave.weight.device
        missing = -speech.frames % stride
        whole = speech.then(SpeechFeatures.nothing(missing, speech.content.shape[1]))
        whole = SpeechFeatures(whole.content.to(place), whole.pitch.to(place))
        if blink is not None:
            blink = F.pad(blink, (0, 2 * missing)).to(place)
        if noise is None:
            size = self.config.latent, whole.frames // stride
            noise = torch.randn(size, generator=torch.Generator().manual_seed(seed))
        sound = self.hearing(Heard.of(whole, mouth_opening, blink))
        latent = self.prior.to_latent(noise.to(place)[None] * temperature, self.sound_to_latent(sound))
        return self.decode(latent, sound)[0, : speech.frames].cpu()

    @classmethod
    def load(cls, folder: Path) -> "FlowVae":
        """Weights written by `storage.write_weights`, in evaluation mode.

        Raises:
            InputError: they are missing, damaged or of the other model.
        """
        from talk_motion.full.storage import read_network

        return read_network(folder, cls).eval()


class Hearing(nn.Module):
    """Content, pitch, blinks and mouth opening, one vector per motion frame."""

    def __init__(self, config: FlowVaeConfig) -> None:
        super().__init__()
        channels = config.sound
        self.content = ConvPair(config.content, channels)
        self.pitch = PitchEncoder(channels)
        self.blink = nn.Embedding(2, channels)
        self.hears_mouth_opening = config.hears_mouth_opening
        if config.hears_mouth_opening:
            self.mouth_opening = nn.Parameter(torch.randn(channels))
        self.join = nn.Linear((3 + config.hears_mouth_opening) * channels, channels)

    def forward(self, heard: Heard) -> Tensor:
        """Sound of 2T frames -> (B, C, T): every second frame is heard; what is not told is usual."""
        content, coarse = self.content(heard.content[:, ::2]), heard.coarse_pitch()[:, ::2]
        blink = torch.zeros_like(coarse) if heard.blink is None else heard.blink[:, ::2]
        parts = [content, self.pitch(coarse), self.blink(blink)]
        if self.hears_mouth_opening:
            size = heard.mouth_opening
            size = content.new_full(content.shape[:1], MOUTH_OPENING) if size is None else size
            parts.append(scaled(self.mouth_opening, size, content.shape[1]))
        joined: Tensor = self.join(torch.cat(parts, dim=-1))
        return joined.transpose(1, 2)


def _shrink(channels_in: int, channels: int, stride: int) -> nn.Conv1d:
    """A convolution that leaves one frame of `stride`."""
    return nn.Conv1d(channels_in, channels, 2 * stride, stride, padding=stride // 2)
