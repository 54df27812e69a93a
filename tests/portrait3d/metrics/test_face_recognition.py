"""CSIM: the published network's size and names, alignment against scikit-image, cosines by hand."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage.transform import SimilarityTransform

from portrait3d.errors import InputError
from portrait3d.metrics import face_recognition as recognition
from portrait3d.metrics.face_recognition import TEMPLATE, FaceRecognition

PUBLISHED = {  # of arcface_torch's backbone.pth
    "conv1.weight": (64, 3, 3, 3),
    "prelu.weight": (64,),
    "layer1.0.downsample.0.weight": (64, 64, 1, 1),
    "layer2.0.downsample.1.running_var": (128,),
    "layer3.1.prelu.weight": (256,),
    "layer4.1.bn3.bias": (512,),
    "fc.weight": (512, 25088),
    "features.running_mean": (512,),
}


@pytest.mark.parametrize(("units", "millions"), [((3, 4, 14, 3), 43.59), ((3, 13, 30, 3), 65.15)])
def test_sizes_are_those_of_r50_and_r100(units, millions):
    with torch.device("meta"):
        network = FaceRecognition(units)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)
    state = network.state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> FaceRecognition:
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in FaceRecognition((1, 2, 1, 1)).state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    state |= {name: value - 0.5 for name, value in state.items() if value.ndim > 1}
    file = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file(state, file)
    return FaceRecognition.load(file)


def test_depth_is_read_from_the_file(network):
    assert [len(network.get_submodule(f"layer{stage}")) for stage in range(1, 5)] == [1, 2, 1, 1]


def test_files_without_such_a_network_are_refused(tmp_path):
    save_file({"layer1.0.conv1.weight": torch.zeros(2)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match="no improved ResNet"):
        FaceRecognition.load(tmp_path / "a.safetensors")


def test_the_transform_is_scikit_images():
    points = np.random.default_rng(0).uniform(0, 512, (5, 2))
    expected = SimilarityTransform.from_estimate(np.array(TEMPLATE), points).params[:2]
    # scikit-image minimises the same squares over similarities without reflection.
    np.testing.assert_allclose(recognition.similarity_transform(points), expected, rtol=1e-6, atol=1e-6)


def test_an_aligned_face_has_its_points_where_they_belong():
    turn, scale = 0.3, 2.5
    spin = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = np.array(TEMPLATE) @ spin.T + (150, 60)
    down, across = np.indices((400, 420))
    near = np.min([np.hypot(across - x, down - y) for x, y in points], axis=0)
    frame = np.repeat(np.where(near < 6, 255, 0)[..., None], 3, -1).astype(np.uint8)
    face = recognition.align(frame, points)
    assert face.shape == (3, 112, 112)
    for x, y in TEMPLATE:
        assert float(face[0, round(y), round(x)]) == pytest.approx(1)
    assert float((face > 0).float().mean()) < 5 * 3.2**2 * np.pi / 112**2


def test_faces_that_were_moved_and_turned_alike_have_one_embedding(network):
    random = np.random.default_rng(1)
    small = torch.from_numpy(random.uniform(0, 255, (1, 3, 20, 20)))
    smooth = torch.nn.functional.interpolate(small, (300, 300), mode="bicubic").clamp(0, 255)
    frame = smooth[0].permute(1, 2, 0).numpy().astype(np.uint8)
    points = np.array(TEMPLATE) * 2 + 30
    turned = np.rot90(frame).copy()
    turned_points = np.stack([points[:, 1], 299 - points[:, 0]], 1)
    frames, both = np.stack([frame, turned]), np.stack([points, turned_points])
    one, other = recognition.embeddings(network, frames, both)
    assert float(one @ other) > 0.9999
    elsewhere = recognition.embeddings(network, frames[:1], both[:1] + 40)
    assert float(one @ elsewhere[0]) < 0.999


def test_mean_cosine_of_frame_with_frame_and_of_all_with_all():
    a = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    b = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    assert recognition.mean_similarity([a], [b], frame_by_frame=True) == pytest.approx((1 + 0.8) / 2)
    expected = (1 + 0.6 + 0 + 0.8) / 4
    assert recognition.mean_similarity([a[:1], a[1:]], [b], frame_by_frame=False) == pytest.approx(expected)
