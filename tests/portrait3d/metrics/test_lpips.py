"""LPIPS: sizes of the published networks, names of the published files, and the first layer worked by scipy."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.signal import correlate

from portrait3d.errors import InputError
from portrait3d.metrics.lpips import SCALE, SHIFT, Lpips, lpips


def random_state(backbone: str, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: value.shape for name, value in Lpips(backbone).state_dict().items()}
    state = {name: torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}
    return {name: value.abs() if name.startswith("weights") else value for name, value in state.items()}


def published_names(state: dict[str, torch.Tensor], backbone: str) -> dict[str, torch.Tensor]:
    """As `lpips.LPIPS(...).state_dict()` has them: slices keep torchvision's numbers, lins come twice."""
    ends = {"alex": (2, 5, 8, 10, 12), "vgg": (4, 9, 16, 23, 30)}[backbone]
    named = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "scaling_layer.scale": torch.ones(1, 3, 1, 1)}
    for name, value in state.items():
        part, number, *rest = name.split(".")
        if part == "weights":
            named |= {f"lin{number}.model.1.weight": value, f"lins.{number}.model.1.weight": value.clone()}
        else:
            piece = next(i for i, end in enumerate(ends, 1) if int(number) < end)
            named[f"net.slice{piece}.{number}.{rest[0]}"] = value
    return named


@pytest.mark.parametrize(
    ("backbone", "features", "lins"), [("alex", 2_469_696, 1_152), ("vgg", 14_714_688, 1_472)]
)
def test_sizes_are_those_of_torchvision_and_of_the_official_layers(backbone, features, lins):
    with torch.device("meta"):
        state = Lpips(backbone).state_dict()
    count = {True: 0, False: 0}
    for name, value in state.items():
        count[name.startswith("features")] += value.numel()
    assert count == {True: features, False: lins}


def test_the_official_file_and_two_files_of_parts_give_the_same(tmp_path):
    state = random_state("alex")
    save_file(published_names(state, "alex"), tmp_path / "official.safetensors")
    backbone = {name: value for name, value in state.items() if name.startswith("features")}
    backbone["classifier.1.weight"] = torch.zeros(3)
    save_file(backbone, tmp_path / "backbone.safetensors")
    lins = {f"lin{i}.model.1.weight": state[f"weights.{i}"] for i in range(5)}
    save_file(lins, tmp_path / "lins.safetensors")
    whole = Lpips.load([tmp_path / "official.safetensors"])
    parts = Lpips.load([tmp_path / "backbone.safetensors", tmp_path / "lins.safetensors"])
    frames = np.random.default_rng(0).integers(0, 256, (5, 64, 70, 3), dtype=np.uint8)
    found = lpips(whole, frames, frames[::-1])
    np.testing.assert_array_equal(found, lpips(parts, frames, frames[::-1]))
    np.testing.assert_allclose(found, found[::-1], rtol=1e-5)  # symmetric
    assert (found[[0, 1, 3, 4]] > 1e-4).all()
    assert found[2] == 0  # the frame in the middle was compared with itself


def test_the_first_layer_alone_is_a_mean_of_squared_differences_of_unit_features():
    state = random_state("alex", seed=3)
    state |= {f"weights.{i}": torch.zeros_like(state[f"weights.{i}"]) for i in range(1, 5)}
    network = Lpips("alex")
    network.load_state_dict(state)
    frames = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    units = []
    for frame in frames:
        x = ((frame / 127.5 - 1 - np.array(SHIFT)) / np.array(SCALE)).transpose(2, 0, 1)
        x = np.pad(x, ((0, 0), (2, 2), (2, 2)))
        kernels, biases = (
            state["features.0.weight"].double().numpy(),
            state["features.0.bias"].double().numpy(),
        )
        layers = [correlate(x, k, "valid")[0, ::4, ::4] + b for k, b in zip(kernels, biases, strict=True)]
        features = np.maximum(np.stack(layers), 0)
        units.append(features / np.linalg.norm(features, axis=0))
    weight = state["weights.0"].double().numpy()[0]
    expected = ((units[0] - units[1]) ** 2 * weight).sum(0).mean()
    np.testing.assert_allclose(lpips(network, frames[:1], frames[1:]), [expected], rtol=1e-4)


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"features.0.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="first layer of AlexNet or VGG-16"):
        Lpips.load([tmp_path / "a.safetensors"])
    state = random_state("alex")
    save_file({n: v for n, v in state.items() if n.startswith("features")}, tmp_path / "b.safetensors")
    with pytest.raises(InputError, match=r"5 of 15 tensors are missing: weights\.0"):
        Lpips.load([tmp_path / "b.safetensors"])
