"""The infilling loss is a function of its generator, sees no padding, and falls when the network learns."""

import torch

from talk_motion.full.ics_network import InContextNetwork
from talk_motion.full.ics_training import infilling_loss
from talk_motion.full.speech import Heard


def batch(make_speech, frames: int = 12) -> tuple[Heard, torch.Tensor]:
    """Two clips whose motion is a function of their sound."""
    clips = [make_speech(frames, seed) for seed in (0, 1)]
    content = torch.stack([clip.content for clip in clips])
    pitch = torch.stack([clip.pitch for clip in clips])
    blink = torch.zeros(pitch.shape, dtype=torch.long)
    motion = content.unflatten(1, (frames, 2)).mean(2)[..., :6]
    return Heard(content, pitch, blink, torch.ones(2)), motion


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_state_gives_the_same_loss(network, make_speech):
    heard, motion = batch(make_speech)
    losses = [infilling_loss(network, heard, motion, seeded(seed)).item() for seed in (3, 3, 4)]
    assert losses[0] == losses[1] != losses[2]


def test_the_exact_velocity_costs_nothing(make_speech):
    """With known noise the velocity is data - noise: a network that says so has no loss on hidden frames."""
    heard, motion = batch(make_speech)

    class Exact(torch.nn.Module):
        def encode_sound(self, heard):
            return heard.content

        def forward(self, x, time, sound, known, is_known, *, valid):
            t = time[:, None, None]
            noise = (x - t * motion) / (1 - t)
            wrong_where_known = is_known[..., None] * 100.0
            hidden = float((~is_known).float().mean(1).min())
            assert hidden >= 0.6 - 1 / 12
            return motion - noise + wrong_where_known

    losses = [infilling_loss(Exact(), heard, motion, seeded(seed)).item() for seed in range(20)]
    assert max(losses) < 1e-6


def test_padding_does_not_count(network: InContextNetwork, make_speech):
    heard, motion = batch(make_speech)
    valid = torch.ones(2, 12, dtype=torch.bool)
    valid[1, 8:] = False
    spoilt = motion.clone()
    spoilt[1, 8:] = 1e3
    hears_only_itself = network.requires_grad_(False)
    hears_only_itself.neighbours.weight.zero_()  # it would carry padding over the border, as published
    one, other = (infilling_loss(network, heard, m, seeded(2), valid) for m in (motion, spoilt))
    torch.testing.assert_close(one, other)


def test_it_learns(make_speech, network):
    """Two clips that move to different places; which one is told by their sound."""
    heard, motion = batch(make_speech)
    side = torch.tensor([1.0, -1.0])[:, None, None]
    heard = Heard(heard.content + 2 * side, heard.pitch, heard.blink, heard.mouth_opening)
    motion = 2 * side.expand_as(motion)
    network.train()
    generator = seeded(0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = infilling_loss(network, heard, motion, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
