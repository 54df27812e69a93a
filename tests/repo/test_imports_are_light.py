"""Importing a package loads no compiled module, no model and no CUDA; the command line answers at once."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checkout import PACKAGES

HEAVY = ("mediapipe", "transformers", "peft", "jax", "cv2", "matplotlib", "av", "scipy", "tensorflow")
HEAVY_FOR_THE_COMMAND_LINE = (
    *HEAVY,
    "torch",
    "numpy",
    "PIL",
    *(name for name in PACKAGES if name != "mimictalk"),
)
WEIGHTS = (".safetensors", ".tflite", ".task", ".pt", ".pth", ".onnx", ".npz")
HELP_SECONDS = 0.5

PROBE = """
import json, sys
opened = []
sys.addaudithook(lambda event, details: opened.append(str(details[0])) if event == "open" else None)
__import__(sys.argv[1])
torch = sys.modules.get("torch")
print(json.dumps({
    "modules": sorted(sys.modules),
    "opened": opened,
    "cuda": bool(torch and torch.cuda.is_initialized()),
}))
"""


def loaded_by(module: str, folder: Path | None = None) -> dict:
    """Import a module in a fresh interpreter; return the modules, the files opened, whether CUDA is up."""
    command = [sys.executable, "-c", PROBE, module]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(done.stdout)


def heavy_among(modules: list[str], heavy: tuple[str, ...]) -> list[str]:
    """Return the heavy packages and the compiled modules of ours among loaded modules."""
    tops = {name.split(".")[0] for name in modules}
    return sorted(tops & set(heavy)) + [f"{name}._C" for name in PACKAGES if f"{name}._C" in modules]


@pytest.mark.parametrize("package", PACKAGES)
def test_import_is_light(package):
    seen = loaded_by(package)
    assert heavy_among(seen["modules"], HEAVY) == []
    assert "torch._dynamo" not in seen["modules"], "the compiler takes two seconds to load"
    assert [path for path in seen["opened"] if path.endswith(WEIGHTS)] == []
    assert not seen["cuda"]


def test_the_command_line_loads_no_library_before_it_is_needed():
    assert heavy_among(loaded_by("mimictalk.cli")["modules"], HEAVY_FOR_THE_COMMAND_LINE) == []


def test_help_answers_in_half_a_second():
    program = Path(sys.executable).with_name("mimictalk")
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        done = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - started)
        assert "adapt" in done.stdout
        assert "render" in done.stdout
    assert min(seconds) < HELP_SECONDS


def test_the_check_sees_a_heavy_import_and_an_opened_model(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "greedy.py").write_text("import face3dmm._C, matplotlib\nopen('model.safetensors').close()\n")
    seen = loaded_by("greedy", tmp_path)
    assert heavy_among(seen["modules"], HEAVY) == ["matplotlib", "face3dmm._C"]
    assert "model.safetensors" in seen["opened"]
