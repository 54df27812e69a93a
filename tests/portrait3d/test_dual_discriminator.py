"""The dual discriminator: what it must see, and that it can be trained with its R1 penalty."""

import pytest
import torch

from portrait3d.adversarial_losses import discriminator_loss, generator_loss, r1_penalty
from portrait3d.dual_discriminator import DiscriminatorConfig, DualDiscriminator, append_batch_spread

TINY = DiscriminatorConfig(picture_size=16, channel_base=128, channel_max=16, mapping_layers=2)


def inputs(batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    picture = torch.rand(batch, 3, 16, 16, generator=generator) * 2 - 1
    raw = torch.rand(batch, 3, 4, 4, generator=generator) * 2 - 1
    return picture, raw, torch.randn(batch, 25, generator=generator)


def test_published_size_has_the_published_parameters() -> None:
    """Counted from StyleGAN2's table of widths: residual blocks, last layers, camera mapping."""
    with torch.device("meta"):
        network = DualDiscriminator(DiscriminatorConfig())
    channels = {side: min(32768 // side, 512) for side in (512, 256, 128, 64, 32, 16, 8, 4)}
    expected = 6 * channels[512] + channels[512]
    for side in (512, 256, 128, 64, 32, 16, 8):
        wide, narrow = channels[side // 2], channels[side]
        expected += 9 * narrow**2 + narrow + 9 * narrow * wide + wide + narrow * wide
    expected += 9 * 513 * 512 + 512 + 512 * 16 * 512 + 512 + 512 * 512 + 512
    expected += 25 * 512 + 512 + 8 * (512 * 512 + 512)
    assert sum(p.numel() for p in network.parameters()) == expected


def test_picture_raw_and_camera_each_count() -> None:
    torch.manual_seed(0)
    network = DualDiscriminator(TINY)
    picture, raw, camera = inputs()
    base = network(picture, raw, camera)
    assert base.shape == (2, 1)
    for changed in ((-picture, raw, camera), (picture, -raw, camera), (picture, raw, -camera)):
        assert (network(*changed) - base).abs().min() > 1e-4


def test_values_beyond_the_range_are_clamped() -> None:
    torch.manual_seed(0)
    network = DualDiscriminator(TINY)
    picture, raw, camera = inputs()
    loud = torch.where(picture > 0, 5.0, -5.0)
    torch.testing.assert_close(network(loud, raw, camera), network(loud.sign(), raw, camera))


def test_signals_keep_their_size_through_the_blocks() -> None:
    """Equalised layers and gains neither shrink nor blow up what the low-pass filters let through."""
    torch.manual_seed(0)
    network = DualDiscriminator(DiscriminatorConfig(picture_size=64, channel_base=2048, channel_max=32))
    x = torch.randn(4, 32, 1, 1).expand(-1, -1, 64, 64)
    for block in network.blocks:
        x = block(x)
    assert 0.3 < x.square().mean().sqrt() < 3


def test_batch_spread_is_the_mean_deviation_within_groups() -> None:
    x = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    out = append_batch_spread(x, 2)
    pairs = torch.stack([x[[0, 2]], x[[1, 3]]], 1)
    expected = pairs.std(0, unbiased=False).mean((1, 2, 3))
    torch.testing.assert_close(out[:, 3, 0, 0], expected[[0, 1, 0, 1]], atol=1e-5, rtol=1e-5)
    assert append_batch_spread(x[:3], 2)[:, 3].max() <= 1e-4 + 1e-8  # 3 has no divisor 2: each on its own


def test_losses_at_known_logits() -> None:
    real, fake = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [-1.0]])
    log = torch.nn.functional.logsigmoid
    torch.testing.assert_close(generator_loss(fake), -log(fake).mean())
    torch.testing.assert_close(discriminator_loss(real, fake), -log(real).mean() - log(-fake).mean())


def test_r1_of_a_linear_judge_is_half_its_squared_weights() -> None:
    picture = torch.randn(3, 3, 4, 4, requires_grad=True)
    raw = torch.randn(3, 3, 2, 2, requires_grad=True)
    a, b = torch.randn(3, 4, 4), torch.randn(3, 2, 2)
    logits = (picture * a).sum((1, 2, 3)) + (raw * b).sum((1, 2, 3))
    expected = (a.square().sum() + b.square().sum()) / 2
    torch.testing.assert_close(r1_penalty(logits[:, None], (picture, raw)), expected)


def test_it_learns_to_tell_noise_from_smooth_pictures_with_r1() -> None:
    torch.manual_seed(0)
    network = DualDiscriminator(TINY)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3, betas=(0.0, 0.99))
    _, _, camera = inputs(4)

    def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        noise, raw, _ = inputs(4, seed)
        return torch.nn.functional.interpolate(raw, (16, 16), mode="bilinear"), noise, raw

    for step in range(60):
        smooth, noise, raw = batch(step)
        smooth, raw_real = smooth.requires_grad_(), raw.clone().requires_grad_()
        real = network(smooth, raw_real, camera)
        loss = discriminator_loss(real, network(noise, raw, camera))
        loss = loss + 0.05 * r1_penalty(real, (smooth, raw_real))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    smooth, noise, raw = batch(1000)
    assert (network(smooth, raw, camera) - network(noise, raw, camera)).min() > 1


def test_bad_sizes_are_quoted() -> None:
    with pytest.raises(ValueError, match="got 48"):
        DiscriminatorConfig(picture_size=48)
    with pytest.raises(ValueError, match="channel_base 8"):
        DiscriminatorConfig(picture_size=16, channel_base=8)
    with pytest.raises(ValueError, match="group_size"):
        DiscriminatorConfig(group_size=0)
    with pytest.raises(ValueError, match="16 x 16"):
        DualDiscriminator(TINY)(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 4, 4), torch.zeros(1, 25))
