"""The in-context network has the published size, and reads only what it says it reads."""

import math

import pytest
import torch

from published_lists import shapes
from talk_motion.full.config import InContextConfig
from talk_motion.full.ics_network import InContextNetwork, turned, unit_rms
from talk_motion.full.speech import Heard


@pytest.mark.parametrize(("hears_manner", "entries", "millions"), [(True, 289, 34.97), (False, 277, 34.95)])
def test_size_is_as_published(hears_manner, entries, millions):
    with torch.device("meta"):
        network = InContextNetwork(InContextConfig(hears_manner=hears_manner))
    assert len(network.state_dict()) == entries
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == millions
    if hears_manner:
        listed = shapes("audio_to_motion")
        count = sum(
            math.prod(shape)
            for name, shape in listed.items()
            if not name.endswith(("running_mean", "running_var", "num_batches_tracked", "inv_freq"))
        )
        assert sum(p.numel() for p in network.parameters()) == count


@pytest.fixture
def given(make_speech):
    generator = torch.Generator().manual_seed(1)
    x, known = torch.randn(2, 1, 10, 6, generator=generator)
    return {"x": x, "known": known, "is_known": (torch.arange(10) < 4)[None], "time": torch.tensor([0.3])}


@torch.no_grad()
def velocity(network, given, sound, **changed):
    options = given | changed
    return network(options.pop("x"), options.pop("time"), sound, **options)


@torch.no_grad()
def test_it_reads_the_prompt_where_known_and_the_noise_elsewhere(network, given, make_speech):
    sound = network.encode_sound(Heard.of(make_speech(10), 1.0))
    plain = velocity(network, given, sound)
    is_known = given["is_known"][..., None]
    unread = {
        "x": torch.where(is_known, 9.0, given["x"]),
        "known": torch.where(is_known, given["known"], 9.0),
    }
    assert torch.equal(velocity(network, given, sound, **unread), plain)
    read = {
        "x": torch.where(is_known, given["x"], 9.0),
        "known": torch.where(is_known, 9.0, given["known"]),
    }
    for name, value in read.items():
        assert (velocity(network, given, sound, **{name: value}) - plain).abs().max() > 1e-3
    other_time = velocity(network, given, sound, time=torch.tensor([0.9]))
    assert (other_time - plain).abs().max() > 1e-3


@torch.no_grad()
def test_a_dropped_prompt_is_not_read(network, given, make_speech):
    sound = network.encode_sound(Heard.of(make_speech(10), 1.0))
    dropped = torch.tensor([True])
    plain = velocity(network, given, sound, dropped=dropped)
    assert torch.equal(velocity(network, given, sound, dropped=dropped, known=given["known"] + 9), plain)
    assert (velocity(network, given, sound) - plain).abs().max() > 1e-3


@torch.no_grad()
def test_padding_is_not_seen(network, given, make_speech):
    sound = network.encode_sound(Heard.of(make_speech(10), 1.0))
    plain = velocity(network, given, sound)
    longer = {
        name: torch.cat([given[name], torch.zeros_like(given[name])], dim=1)
        for name in ("x", "known", "is_known")
    }
    # The depth-wise convolution reaches two frames across the border: they carry nothing here but its bias.
    network.enter.bias.zero_()
    plain = velocity(network, given, sound)
    valid = (torch.arange(20) < 10)[None]
    padded_sound = torch.cat([sound, torch.zeros_like(sound)], dim=1)
    found = velocity(network, given | longer, padded_sound, valid=valid)
    torch.testing.assert_close(found[:, :10], plain, rtol=1e-4, atol=1e-5)
    seen = velocity(network, given | longer, padded_sound)
    assert (seen[:, :10] - plain).abs().max() > 1e-3


@torch.no_grad()
def test_manner_is_heard_or_untold(network, make_speech):
    heard = Heard.of(make_speech(5), 1.0)
    plain = network.encode_sound(heard)
    assert plain.shape == (1, 5, 6)
    others = [
        Heard(heard.content, heard.pitch, heard.blink, 2 * heard.mouth_opening),
        Heard(heard.content, heard.pitch, 1 - heard.blink, heard.mouth_opening),
        Heard(heard.content, heard.pitch, None, heard.mouth_opening),
        Heard(heard.content, heard.pitch, heard.blink, None),
        Heard(heard.content, heard.pitch + 200, heard.blink, heard.mouth_opening),
        Heard(-heard.content, heard.pitch, heard.blink, heard.mouth_opening),
    ]
    for other in others:
        assert (network.encode_sound(other) - plain).abs().max() > 1e-4


def test_turning_keeps_lengths_and_tells_only_distances():
    places = torch.tensor([0.0, 3.0, 100.0, 103.0], dtype=torch.float64)
    angles = places[:, None] * torch.tensor([1.0, 0.1], dtype=torch.float64)
    a, b = torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turns = angles.cos(), angles.sin()
    one, other = turned(a.expand(4, -1), turns), turned(b.expand(4, -1), turns)
    torch.testing.assert_close(one.norm(dim=-1), a.norm().expand(4))
    products = one @ other.T
    torch.testing.assert_close(products[0, 1], products[2, 3])  # both three frames apart
    assert abs(products[0, 1] - products[0, 2]) > 1e-3


def test_unit_rms():
    x = torch.tensor([[3.0, -4.0], [0.0, 0.5]])
    torch.testing.assert_close(unit_rms(x).square().mean(-1), torch.ones(2))
