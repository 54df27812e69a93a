"""Importing face3dmm is light."""

import subprocess
import sys


def test_import_loads_no_detector_and_no_compiled_module() -> None:
    heavy = ("mediapipe", "face3dmm._C", "cv2", "av")
    code = f"import sys, face3dmm; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
