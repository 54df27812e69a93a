"""Loading the compiled module, and doing without it."""

import importlib
import subprocess
import sys
import warnings

import pytest
import torch

from agreement import assert_same
from random_scene import make_scene, render
from triplane_render import _backend, build_info, render_planes, render_planes_reference


def test_import_loads_nothing_compiled() -> None:
    code = "import sys, triplane_render; print('triplane_render._C' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_build_info_names_what_runs() -> None:
    info = build_info()
    assert info["compiler"] and "portable" in info["instruction_sets"]


@pytest.mark.parametrize("name", build_info()["instruction_sets"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_instruction_set_agrees(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_backend.INSTRUCTION_SET_VARIABLE, name)
    for size, march in (((9, 7), {}), ((3, 5, 4), {"rule": "midpoint", "importance_samples": 5})):
        scene = make_scene(rays=50, channels=24, hidden=20, features=11, size=size)
        wanted = render(scene, samples=13, **march).tensors()
        got = render(scene.to(dtype), render_planes, samples=13, **march).tensors()
        for key, value in wanted.items():
            assert_same(key, got[key], value, 1e-4 if dtype == torch.float32 else 1e-9)


def test_an_unknown_instruction_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_backend.INSTRUCTION_SET_VARIABLE, "neon512")
    with pytest.raises(ValueError, match="'neon512' is not compiled in, or this processor lacks it"):
        render(make_scene(), render_planes, samples=3)


def test_without_the_module_the_reference_runs_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    _backend.compiled.cache_clear()
    try:
        scene = make_scene()
        with pytest.warns(RuntimeWarning, match="runs its PyTorch reference") as caught:
            got = render(scene, render_planes, samples=5)
        assert len(caught) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            render(scene, render_planes, samples=5)
        assert build_info() == {"compiler": None, "instruction_sets": [], "cuda_architectures": []}
    finally:
        _backend.compiled.cache_clear()
    assert torch.equal(got.output.features, render(scene, render_planes_reference, samples=5).output.features)
