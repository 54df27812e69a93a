"""Importing the package loads nothing heavy."""

import subprocess
import sys


def test_import_loads_no_torch_and_no_decoder() -> None:
    heavy = "('torch', 'av', 'numpy', 'safetensors')"
    code = f"import sys, talk_motion; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_resolve() -> None:
    import talk_motion

    for name in talk_motion.__all__:
        assert getattr(talk_motion, name).__name__ == name
    assert "generate" in dir(talk_motion)
