"""Beside the published code that defines LPIPS, FID's features and CSIM's: how far our graphs are from it.

    git clone https://github.com/richzhang/PerceptualSimilarity A
    git clone https://github.com/toshas/torch-fidelity B
    git clone https://github.com/deepinsight/insightface C
    .venv/bin/python tools/parity/judges.py --lpips A --fidelity B --insightface C

Both sides get the same random weights, ours through a safetensors file as a user gives it, and the same
random pictures. The published code runs as it is; torchvision, which it takes its backbones from, is replaced
by the layers it has. Prints JSON and exits 1 if a relative error is above 1e-4.
"""

import argparse
import importlib
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from portrait3d.metrics.face_recognition import FaceRecognition
from portrait3d.metrics.inception import Inception
from portrait3d.metrics.lpips import Lpips

LIMIT = 1e-4


def random_state(network: nn.Module, seed: int) -> dict[str, Tensor]:
    """Weights of about the size that keeps activations of unit size, in every tensor of a network."""
    random = np.random.default_rng(seed)
    state = {}
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            state[name] = value
        elif value.ndim > 1:
            scale = float(np.sqrt(2 / max(1, value[0].numel())))
            state[name] = torch.from_numpy(random.normal(0, scale, value.shape)).float()
        else:
            state[name] = torch.from_numpy(random.uniform(0.5, 1.5, value.shape)).float()
    return state


def compared(published: Tensor, ours: Tensor) -> dict[str, float]:
    """Largest difference, and over the largest value."""
    worst = float((published - ours).abs().max())
    return {"max": worst, "relative": worst / float(published.abs().max())}


def backbones() -> ModuleType:
    """What stands in for `torchvision.models`: the convolutional parts of AlexNet and VGG-16."""

    def chain(channels: tuple, kernel: int, pool: int) -> SimpleNamespace:
        layers: list[nn.Module] = []
        before = 3
        for one in channels:
            if one == "M":
                layers.append(nn.MaxPool2d(kernel_size=pool, stride=2))
                continue
            outputs, size, stride, padding = one if isinstance(one, tuple) else (one, kernel, 1, kernel // 2)
            layers += [nn.Conv2d(before, outputs, size, stride, padding), nn.ReLU(inplace=True)]
            before = outputs
        return SimpleNamespace(features=nn.Sequential(*layers))

    alex = ((64, 11, 4, 2), "M", (192, 5, 1, 2), "M", 384, 256, 256, "M")
    vgg = (64, 64, "M", 128, 128, "M", *(256,) * 3, "M", *(512,) * 3, "M", *(512,) * 3, "M")
    models: Any = ModuleType("torchvision.models")
    models.alexnet = lambda pretrained=False: chain(alex, 3, 3)
    models.vgg16 = lambda pretrained=False: chain(vgg, 3, 2)
    return models


def import_beside(folder: Path, name: str, **replaced: ModuleType) -> Any:
    """Import a module of a checkout, with stand-ins for what it imports and does not use here."""
    sys.modules.update(replaced)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def lpips_rows(folder: Path, work: Path) -> dict[str, dict[str, float]]:
    """LPIPS of a batch of pictures on both backbones."""
    vision: Any = ModuleType("torchvision")
    vision.models = backbones()
    ipython: Any = ModuleType("IPython")
    ipython.embed = None
    stands = {"torchvision": vision, "torchvision.models": vision.models, "IPython": ipython}
    stands["lpips.trainer"] = ModuleType("lpips.trainer")
    module = import_beside(folder, "lpips", **stands)
    a, b = torch.rand(2, 3, 3, 96, 128, generator=torch.Generator().manual_seed(1)) * 2 - 1
    rows = {}
    for backbone in ("alex", "vgg"):
        published = module.LPIPS(net=backbone, pnet_rand=True, pretrained=False, verbose=False).eval()
        state = random_state(published, 2)
        state |= {name: value.abs() for name, value in state.items() if name.startswith("lin")}
        # The lins are in the list, too: one tensor under two names.
        state |= {f"lins.{i}.model.1.weight": state[f"lin{i}.model.1.weight"].clone() for i in range(5)}
        state |= {name: value for name, value in published.state_dict().items() if "scaling" in name}
        published.load_state_dict({name: state[name] for name in published.state_dict()})
        file = work / f"lpips_{backbone}.safetensors"
        save_file({name: value.contiguous() for name, value in state.items()}, file)
        with torch.inference_mode():
            rows[f"LPIPS {backbone}"] = compared(published(a, b).flatten(), Lpips.load([file])(a, b))
    return rows


def inception_row(folder: Path, work: Path) -> dict[str, float]:
    """The 2048 features of FID, pictures of an odd size."""
    ours = Inception()
    state = random_state(ours, 3)
    file = work / "inception.safetensors"
    save_file(state, file)
    package = ModuleType("torch_fidelity")  # its own __init__ wants every data set there is
    package.__path__ = [str(folder / "torch_fidelity")]
    module = import_beside(folder, "torch_fidelity.feature_extractor_inceptionv3", torch_fidelity=package)
    with mock.patch("torch.load", return_value=state):
        extractor = module.FeatureExtractorInceptionV3
        published = extractor("ours", ["2048"], feature_extractor_weights_path="state")
    pictures = torch.randint(0, 256, (2, 3, 200, 330), dtype=torch.uint8)
    return compared(published(pictures)[0], Inception.load(file)(pictures))


def recognition_row(folder: Path, work: Path, name: str) -> dict[str, float]:
    """Embeddings of aligned faces."""
    file = folder / "recognition" / "arcface_torch" / "backbones" / "iresnet.py"
    spec = importlib.util.spec_from_file_location("iresnet", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    published = getattr(module, name)().eval()
    state = random_state(published, 4)
    published.load_state_dict(state)
    save_file(state, work / f"{name}.safetensors")
    faces = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(5)) * 2 - 1
    with torch.inference_mode():
        return compared(published(faces), FaceRecognition.load(work / f"{name}.safetensors")(faces))


def main() -> int:
    """Compare and print."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--lpips", type=Path, required=True)
    told.add_argument("--fidelity", type=Path, required=True)
    told.add_argument("--insightface", type=Path, required=True)
    asked = told.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as work:
        rows = lpips_rows(asked.lpips, Path(work))
        rows["Inception of FID"] = inception_row(asked.fidelity, Path(work))
        for name in ("iresnet18", "iresnet50", "iresnet100"):
            rows[f"ArcFace {name}"] = recognition_row(asked.insightface, Path(work), name)
    holds = all(row["relative"] <= LIMIT for row in rows.values())
    print(json.dumps({"rows": rows, "limit": LIMIT, "holds": holds}, indent=1))
    return int(not holds)


if __name__ == "__main__":
    raise SystemExit(main())
