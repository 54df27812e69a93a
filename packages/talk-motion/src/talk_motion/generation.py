"""Speech to face motion: the one call most users need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .errors import InputError
from .features import AudioFeatures
from .flow import PASSES
from .habits import Blinks, Pose, Surrogate
from .model import MotionModel, SamplingConfig
from .motion import EYE_BLINK, MotionPrompt, MotionSequence
from .mouthing import Mouth
from .rest import REACH, rest_mouth, settle, speech_presence
from .windows import section_margin, sections

SECTION = 64  # windows of long speech that are drawn together: with the usual windows 6 minutes
NOISE_BLOCK = 16  # frames; normal numbers are drawn in such blocks, so that pieces and whole are the same
ENCODER_REACH = 16  # frames that the network's sound encoder sees to each side, rounded up


@dataclass(frozen=True)
class Speaking:
    """How somebody is to speak.

    Attributes:
        steps: of the flow's solver; on real clips more than 2 have not been better.
        style_strength: 0 ignores the prompt's mouth, 1 follows it, 2 exaggerates it.
        temperature: scale of the initial noise; 0 gives the mean, 1 all the variety (and less exact lips).
        seed: same seed, same motion.
        pose: "ref" moves head and eyes in the prompt's manner, "static" holds the prompt's mean pose.
        blink: "auto" blinks at the prompt's rate, "none" keeps the eyes open.

    Raises:
        InputError: a setting outside its range.
    """

    steps: int = 2
    style_strength: float = 1.0
    temperature: float = 0.1
    seed: int = 0
    pose: Literal["ref", "static"] = "ref"
    blink: Literal["auto", "none"] = "auto"

    def __post_init__(self) -> None:
        for name, low, high in (("steps", 1, 100), ("style_strength", 0, 5), ("temperature", 0, 2)):
            value = getattr(self, name)
            if not low <= value <= high:
                cause = f"{value} is outside {low} to {high}"
                raise InputError(name, cause, f"Choose {name} between {low} and {high}.")
        if self.pose not in ("ref", "static") or self.blink not in ("auto", "none"):
            cause = f"got {self.pose!r} and {self.blink!r}"
            raise InputError("pose, blink", cause, 'Use pose "ref" or "static", blink "auto" or "none".')


def generate(
    model: MotionModel,
    audio: AudioFeatures,
    prompt: MotionPrompt | None = None,
    *,
    steps: int = 2,
    style_strength: float = 1.0,
    temperature: float = 0.1,
    seed: int = 0,
    pose: Literal["ref", "static"] = "ref",
    blink: Literal["auto", "none"] = "auto",
    sampling: SamplingConfig | None = None,
) -> MotionSequence:
    """Draws the motion of a face that speaks the sound, in the style of the prompt.

    Args:
        model: from `MotionModel.from_pretrained`.
        audio: features of the speech.
        prompt: a clip of the person talking, of any length; None gives an average speaker.
        steps, style_strength, temperature, seed, pose, blink: see `Speaking`.
        sampling: windows and solver; memory does not depend on the length of the speech.

    Returns:
        As many motion frames as the sound has.

    Raises:
        InputError: a setting outside its range.
    """
    speaking = Speaking(steps, style_strength, temperature, seed, pose, blink)
    quiet = speech_presence(audio)
    mouth = Mouth(model, prompt, steps=steps, style_strength=style_strength, sampling=sampling)
    drawn = mouth.draw(audio, Noise(model, speaking).take(audio.frames))
    return Face(model, prompt, speaking).take(drawn, quiet)


def generate_long(
    model: MotionModel,
    audio: Iterable[AudioFeatures],
    quiet: float,
    prompt: MotionPrompt | None = None,
    speaking: Speaking | None = None,
    *,
    sampling: SamplingConfig | None = None,
    section: int = SECTION,
) -> Iterator[MotionSequence]:
    """`generate` for speech of any length in flat memory: the same motion, piece by piece.

    Windows are drawn in sections that overlap so far that what is given out is what all windows together
    would have drawn: no seam, and no difference but rounding.

    Args:
        model: from `MotionModel.from_pretrained`.
        audio: features in pieces of any size, all with the same statistics (`FeatureStream`).
        quiet: of those statistics.
        prompt: a clip of the person talking.
        speaking: style strength, seed and the like.
        sampling: windows and solver.
        section: windows that are drawn together.

    Yields:
        Motion of all frames in order.

    Raises:
        ValueError: a section too short for these windows.
    """
    speaking, sampling = speaking or Speaking(), sampling or SamplingConfig()
    passes = speaking.steps * PASSES[sampling.method]
    margin = max(REACH + 5, section_margin(sampling.window, sampling.overlap, passes, ENCODER_REACH))
    size, ahead = sections(section, sampling.window, sampling.overlap, margin)
    mouth = Mouth(
        model, prompt, steps=speaking.steps, style_strength=speaking.style_strength, sampling=sampling
    )
    face, source = Face(model, prompt, speaking), Noise(model, speaking)
    held, noise, done = AudioFeatures.none(), torch.zeros(0, model.space.channels), 0  # done: of those held

    def drawn(frames: int, stop: int) -> MotionSequence:
        presence = speech_presence(held.slice(0, frames), quiet)
        return face.take(mouth.draw(held.slice(0, frames), noise[:frames])[done:stop], presence[done:stop])

    for piece in audio:
        held = AudioFeatures.join([held, piece])
        noise = torch.cat([noise, source.take(piece.frames)])
        while held.frames > size:
            yield drawn(size, size - margin)
            held, noise, done = held.slice(ahead, held.frames), noise[ahead:], size - margin - ahead
    if held.frames > done:
        yield drawn(held.frames, held.frames)


class Noise:
    """The start of the flow, endless."""

    def __init__(self, model: MotionModel, speaking: Speaking) -> None:
        self._generator = torch.Generator().manual_seed(2 * speaking.seed)
        self._scale, self._channels = speaking.temperature, model.space.channels
        self._ready = torch.zeros(0, self._channels)

    def take(self, frames: int) -> Tensor:
        """The next (frames, M)."""
        blocks = -(-max(0, frames - len(self._ready)) // NOISE_BLOCK)
        drawn = [torch.randn(NOISE_BLOCK, self._channels, generator=self._generator) for _ in range(blocks)]
        ready = torch.cat([self._ready, *drawn])
        self._ready = ready[frames:].clone()
        return self._scale * ready[:frames]


class Face:
    """The whole face around a drawn mouth, piece by piece: rest, brows, blinks, head and eyes.

    Args:
        model: its motion space.
        prompt: the person.
        speaking: seed, pose and blink.
    """

    def __init__(self, model: MotionModel, prompt: MotionPrompt | None, speaking: Speaking) -> None:
        self._space, self._blinks_on = model.space, speaking.blink == "auto"
        generator = torch.Generator().manual_seed(2 * speaking.seed + 1)
        # One generator for each habit: what comes first must not depend on how long the speech goes on.
        seeds = torch.randint(2**31, (2,), generator=torch.Generator().manual_seed(2 * speaking.seed + 1))
        apart = [torch.Generator().manual_seed(int(one)) for one in seeds]
        motion = prompt.motion if prompt else None
        self._usual = motion.expression.mean(dim=0) if motion else None
        self._rest = rest_mouth(motion.expression, self._space.gap) if motion else torch.zeros(64)
        self._upper = Surrogate(_without_blinks(motion), generator) if motion else None
        self._blinks = Blinks(motion, apart[0])
        self._pose = Pose(motion, apart[1], still=speaking.pose == "static")

    def take(self, mouth: Tensor, presence: Tensor) -> MotionSequence:
        """The next faces, from motion channels (T, M) and how much somebody speaks (T,)."""
        frames = len(mouth)
        space, wanted = self._space, settle(self._expression(mouth), presence, self._rest)
        expression = torch.where(space.mouth, wanted, self._around(frames))
        # Shapes beside the mouth may part the lips as well: they open as far as wanted, no further.
        excess = (expression - wanted) @ space.gap
        expression = expression - excess[:, None] * space.decode[:, 0]
        closing = self._blinks.take(frames) if self._blinks_on else torch.zeros(frames)
        for lid in EYE_BLINK:
            expression[:, lid] = expression[:, lid] + (1 - expression[:, lid]) * closing
        return MotionSequence(expression, *self._pose.take(frames), closing)

    def _expression(self, mouth: Tensor) -> Tensor:
        """Expression (T, 64) of the drawn mouth, on the person's usual face."""
        if self._usual is None:
            return self._space.to_expression(mouth)
        # What the motion channels cannot say about this person's mouth stays as it usually is.
        change = (mouth - self._space.to_motion(self._usual)) * self._space.scale @ self._space.decode.T
        return self._usual + change

    def _around(self, frames: int) -> Tensor:
        return torch.zeros(frames, 64) if self._upper is None else self._upper.take(frames)


def _without_blinks(motion: MotionSequence) -> Tensor:
    """Expression with the lids held at their usual opening: blinks are drawn apart."""
    out = motion.expression.clone()
    for lid in EYE_BLINK:
        out[:, lid] = motion.expression[:, lid].quantile(0.2)
    return out
