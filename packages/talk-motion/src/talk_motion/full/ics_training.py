"""How the in-context network learns: motion is hidden in parts and filled in again from the sound."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from talk_motion.flow import infill_mask, path
from talk_motion.full.ics_network import InContextNetwork
from talk_motion.full.speech import Heard

UNTOLD = 0.5  # share of the batches in which blinks and mouth opening are not told


@dataclass(frozen=True)
class Infilled:
    """What a network made of hidden motion.

    Attributes:
        loss: () squared error of the velocity: mean over the hidden frames of each clip, then over clips.
        aim: (B, T, M) the motion that the straight path from here leads to.
        hidden: (B, T) bool.
    """

    loss: Tensor
    aim: Tensor
    hidden: Tensor


def infilling_loss(
    network: InContextNetwork,
    heard: Heard,
    motion: Tensor,
    generator: torch.Generator,
    valid: Tensor | None = None,
) -> Tensor:
    """The loss of `infill`."""
    return infill(network, heard, motion, generator, valid).loss


def infill(
    network: InContextNetwork,
    heard: Heard,
    motion: Tensor,
    generator: torch.Generator,
    valid: Tensor | None = None,
    share: slice = slice(None),
) -> Infilled:
    """Conditional flow matching on the hidden frames (Lipman et al. 2023, eq. 23; Voicebox, eq. 5 and 6).

    Of every clip 60 to 100 % are hidden, in half of the draws one span, in half scattered frames; one draw in
    eight hides all (`flow.infill_mask`), which is what guidance without a prompt rests on. In half of the
    batches blinks and mouth opening are not told. The published training hides as much, without the draws
    that hide all.

    Args:
        network: in training mode.
        heard: sound of the batch.
        motion: (B, T, M) the truth.
        generator: of the processor's random numbers; the loss is a function of its state.
        valid: (B, T) bool, False for padding at the ends of clips.
        share: the clips that are computed; what is drawn does not depend on it.
    """
    device, (batch, frames) = motion.device, motion.shape[:2]
    if valid is None:
        valid = torch.ones(batch, frames, dtype=torch.bool, device=device)
    hidden = torch.zeros(batch, frames, dtype=torch.bool)
    for row, length in enumerate(valid.sum(1).tolist()):
        hidden[row, :length] = infill_mask(length, generator)
    time = torch.rand(batch, generator=generator).to(device)
    noise = torch.randn(motion.shape, generator=generator).to(device)
    told = float(torch.rand((), generator=generator)) >= UNTOLD
    motion, valid, hidden = motion[share], valid[share], hidden.to(device)[share]
    time, noise = time[share], noise[share]
    blink, opening = (
        None if not told or part is None else part[share] for part in (heard.blink, heard.mouth_opening)
    )
    heard = replace(
        heard, content=heard.content[share], pitch=heard.pitch[share], blink=blink, mouth_opening=opening
    )
    x, velocity = path(noise, motion, time)
    found = network(x, time, network.encode_sound(heard), motion, ~hidden, valid=valid)
    error = (found - velocity).square().mean(-1)
    loss = ((error * hidden).sum(1) / hidden.sum(1).clamp(min=1)).mean()
    return Infilled(loss, x + (1 - time)[:, None, None] * found, hidden)
