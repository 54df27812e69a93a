"""Sizes of the published audio-to-motion networks, and how motion is drawn from the in-context one."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from talk_motion.flow import PASSES, Method

PITCHES = 300  # rows of the published table of coarse pitch; 256 are used
CONTENT = "facebook/hubert-large-ls960-ft"  # what both published models hear


@dataclass(frozen=True)
class _Sizes:
    """What the sizes of both networks share: they are positive."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, bool):
                fits, wanted = isinstance(value, bool), "True or False"
            else:
                fits, wanted = type(value) is int and value >= 1, "a whole number >= 1"
            if not fits:
                raise ValueError(f"{field.name} must be {wanted}, got {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class InContextConfig(_Sizes):
    """Sizes of MimicTalk's ICS-A2M; the defaults are the published ones.

    Attributes:
        motion: channels of motion, expression of the Basel face model.
        content: channels of HuBERT.
        sound: channels of encoded content.
        hears_manner: whether pitch, blinks and mouth opening are heard besides content ("aux features").
        manner: channels of each of these three.
        width, layers: of the transformer.
        heads, head_width: of its attention.
        feed_forward: channels between the two linear layers after the attention.
        registers: tokens without a place in time.
        time: channels of the encoded flow time.
        position_kernel: frames that the depth-wise convolution before the transformer sees; odd.
    """

    motion: int = 64
    content: int = 1024
    sound: int = 256
    hears_manner: bool = True
    manner: int = 32
    width: int = 256
    layers: int = 16
    heads: int = 8
    head_width: int = 64
    feed_forward: int = 682
    registers: int = 16
    time: int = 1024
    position_kernel: int = 31

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width", "head_width"):
            if getattr(self, name) % 2:
                raise ValueError(f"{name} must be even, got {getattr(self, name)}")
        if self.position_kernel % 2 == 0:
            raise ValueError(f"position_kernel must be odd, got {self.position_kernel}")

    @property
    def heard(self) -> int:
        """Channels of encoded sound."""
        return self.sound + 3 * self.manner * self.hears_manner


@dataclass(frozen=True)
class FlowVaeConfig(_Sizes):
    """Sizes of Real3D-Portrait's flow-prior VAE; the defaults are the published ones.

    Attributes:
        motion, content: as in `InContextConfig`.
        sound: channels of encoded sound.
        hears_mouth_opening: whether the size of mouth movements is an input.
        width, kernel: channels and kernel of both WaveNets.
        encoder_layers, decoder_layers: their layers.
        latent: channels of the latent.
        stride: motion frames per latent frame; even.
        flow_width, flow_kernel, flow_layers, flow_blocks: of the prior.
    """

    motion: int = 64
    content: int = 1024
    sound: int = 128
    hears_mouth_opening: bool = True
    width: int = 256
    kernel: int = 5
    encoder_layers: int = 8
    decoder_layers: int = 4
    latent: int = 16
    stride: int = 4
    flow_width: int = 64
    flow_kernel: int = 3
    flow_layers: int = 4
    flow_blocks: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("latent", "stride"):
            if getattr(self, name) % 2:
                raise ValueError(f"{name} must be even, got {getattr(self, name)}")
        for name in ("kernel", "flow_kernel"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} must be odd, got {getattr(self, name)}")


@dataclass(frozen=True)
class FullSampling:
    """How motion is drawn from the in-context model; the defaults need 8 passes with a prompt.

    Attributes:
        steps: of the solver, all of the same length.
        method: of the solver.
        temperature: deviation of the noise that the flow starts from; 0 gives the mean motion.
        style_strength: 1 follows the prompt, more exaggerates it, 0 ignores its motion (classifier-free
            guidance: the prompt's motion is dropped, its sound stays).
    """

    steps: int = 2
    method: Method = "midpoint"
    temperature: float = 0.3
    style_strength: float = 1.5

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.method not in PASSES:
            raise ValueError(f"method must be one of {sorted(PASSES)}, got {self.method!r}")
        for name in ("temperature", "style_strength"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be a number >= 0, got {getattr(self, name)}")

    @classmethod
    def published(cls, style_strength: float = 1.5) -> "FullSampling":
        """The schedule of MimicTalk's command line: midpoint over 20 equal moments, 76 passes."""
        return cls(19, "midpoint", 0.3, style_strength)

    @property
    def passes(self) -> int:
        """How often the network runs; both branches of the guidance count."""
        return self.steps * PASSES[self.method] * (1 if self.style_strength == 1 else 2)
