"""The embedded model is what tools/open_face builds from the statistics in the repository."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from face3dmm import FaceModel

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "open_face"


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> FaceModel:
    output = tmp_path_factory.mktemp("open_face") / "model.safetensors"
    subprocess.run([sys.executable, str(TOOLS / "build.py"), "--output", str(output)], check=True)
    return FaceModel.load(output)


def test_embedded_model_is_the_built_one(rebuilt: FaceModel) -> None:
    embedded = FaceModel.open_face()
    assert rebuilt.faces.equal(embedded.faces)
    torch.testing.assert_close(rebuilt.mean, embedded.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(rebuilt.expression_basis, embedded.expression_basis, atol=1e-3, rtol=0)
    torch.testing.assert_close(rebuilt.identity_basis, embedded.identity_basis, atol=1e-3, rtol=0)


def test_statistics_hold_averages_only() -> None:
    # A mean of several people, modes of movement, variances: nothing with one entry per person or frame.
    statistics = load_file(TOOLS / "statistics.safetensors")
    shapes = {name: value.shape for name, value in statistics.items()}
    assert shapes == {"mean": (478, 3), "within_modes": (48, 468, 3), "between_energy": (60, 3)}
