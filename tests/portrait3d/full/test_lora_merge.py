"""LoRA merged as the published layers apply it, worked out element by element."""

import math

import pytest
import torch
from torch.nn import functional as F

from portrait3d.full.lora_merge import merge_lora


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).float()


def test_a_linear_layer_adds_half_of_b_a():
    x, weight, a, b = numbers(4, 5), numbers(3, 5, seed=1), numbers(2, 5, seed=2), numbers(3, 2, seed=3)
    merged = merge_lora({"layer.weight": weight, "layer.lora_A": a, "layer.lora_B": b})
    assert set(merged.tensors) == {"layer.weight"}
    assert merged.layers == ("layer",)
    assert (merged.rank, merged.parameters) == (2, 16)
    expected = F.linear(x, weight) + 0.5 * F.linear(F.linear(x, a), b)
    torch.testing.assert_close(F.linear(x, merged.tensors["layer.weight"]), expected)


def test_a_convolution_lays_the_change_out_like_its_weight():
    out, inputs, k, r = 3, 4, 3, 2
    weight = numbers(out, inputs, k, k)
    a, b = numbers(r * k, inputs * k, seed=1), numbers(out * k, r * k, seed=2)
    merged = merge_lora({"c.weight": weight, "c.bias": numbers(out), "c.lora_A": a, "c.lora_B": b})
    change = b @ a
    for o, i, p, q in ((0, 0, 0, 0), (2, 3, 2, 2), (1, 2, 0, 1), (2, 0, 1, 2)):
        place = ((o * inputs + i) * k + p) * k + q  # row-major over (out, in, k, k), and over (out k, in k)
        expected = weight[o, i, p, q] + 0.5 * change[place // (inputs * k), place % (inputs * k)]
        assert merged.tensors["c.weight"][o, i, p, q] == pytest.approx(float(expected), abs=1e-6)


def test_rank_four_is_scaled_by_a_quarter():
    a, b = torch.ones(4, 1), torch.ones(1, 4)
    merged = merge_lora({"l.weight": torch.zeros(1, 1), "l.lora_A": a, "l.lora_B": b})
    assert merged.rank == 4
    assert merged.tensors["l.weight"].item() == pytest.approx(4 * 0.25)


@pytest.mark.parametrize("layer", ["superresolution.block0.conv0.affine", "decoder.net.0"])
def test_an_equalised_layer_gets_the_change_after_its_gain(layer):
    x, weight, a, b = numbers(4, 16), numbers(3, 16, seed=1), numbers(2, 16, seed=2), numbers(3, 2, seed=3)
    merged = merge_lora({f"{layer}.weight": weight, f"{layer}.lora_A": a, f"{layer}.lora_B": b})
    gain = 1 / math.sqrt(16)
    expected = F.linear(x, weight * gain + 0.5 * b @ a)
    torch.testing.assert_close(F.linear(x, merged.tensors[f"{layer}.weight"] * gain), expected)


def test_the_equalised_prenet_has_the_gain_of_its_nine_channels():
    name = "secc_img2plane_backbone.prenet"
    a, b = torch.ones(2, 9), torch.ones(3, 2)
    merged = merge_lora({f"{name}.weight": torch.zeros(3, 9, 1, 1), f"{name}.lora_A": a, f"{name}.lora_B": b})
    assert merged.tensors[f"{name}.weight"][0, 0, 0, 0].item() == pytest.approx(0.5 * 2 * 3)


def test_the_second_name_of_a_wrapped_convolution_is_dropped():
    weight, bias = numbers(2, 2, 1, 1), numbers(2)
    lora = {"c.lora_A": torch.zeros(2, 2), "c.lora_B": torch.zeros(2, 2)}
    both = {"c.weight": weight, "c.bias": bias, "c.conv.weight": weight, "c.conv.bias": bias}
    merged = merge_lora({**both, **lora})
    assert sorted(merged.tensors) == ["c.bias", "c.weight"]
    assert sorted(merged.duplicates) == ["c.conv.bias", "c.conv.weight"]
    only_second = merge_lora({"c.conv.weight": weight, "c.conv.bias": bias, **lora})
    torch.testing.assert_close(only_second.tensors["c.weight"], weight)
    with pytest.raises(ValueError, match=r"c\.conv\.weight and c\.weight .* differ"):
        merge_lora({**both, **lora, "c.conv.weight": weight + 1})


def test_a_convolution_named_conv_without_lora_is_left_alone():
    tensors = {"linear_fuse.conv.weight": numbers(2, 2, 1, 1)}
    assert merge_lora(tensors).tensors == tensors


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"l.weight": torch.zeros(2, 3), "l.lora_A": torch.zeros(2, 3)}, r"incomplete: no l\.lora_B"),
        ({"l.lora_A": torch.zeros(2, 3), "l.lora_B": torch.zeros(2, 2)}, r"incomplete: no l\.weight"),
        (
            {"l.weight": torch.zeros(2, 4), "l.lora_A": torch.zeros(2, 3), "l.lora_B": torch.zeros(2, 2)},
            r"does not fit: A \(2, 3\), B \(2, 2\), weight \(2, 4\)",
        ),
        (
            {f"{x}.weight": torch.zeros(1, 1) for x in "mn"}
            | {"m.lora_A": torch.zeros(1, 1), "m.lora_B": torch.zeros(1, 1)}
            | {"n.lora_A": torch.zeros(2, 1), "n.lora_B": torch.zeros(1, 2)},
            r"several ranks \[1, 2\]",
        ),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(tensors, words):
    with pytest.raises(ValueError, match=words):
        merge_lora(tensors)
