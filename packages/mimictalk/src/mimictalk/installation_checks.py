"""The single checks of `doctor`, one function per thing that breaks; each may return several findings.

Here: Python, compiled parts, networks, codecs and weights. Versions are in `version_checks`, the machine in
`machine_checks`; `CHECKS` is all of them in the order of the table.
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from mimictalk import machine_checks, version_checks
from mimictalk.base_weights import weight_files
from mimictalk.finding import FAIL, OK, WARN, Check
from mimictalk.manifest import sha256_file

REINSTALL = "pip install --force-reinstall --no-deps"
COMPILED = ("face3dmm", "triplane_render")
WEIGHT_OWNERS = ("face3dmm", "portrait3d", "talk_motion")
NETWORKS = (
    "modules/face_detection/face_detection_short_range.tflite",
    "modules/face_landmark/face_landmark_with_attention.tflite",
    "modules/selfie_segmentation/selfie_segmentation.tflite",
)


def _python() -> list[Check]:
    good = sys.version_info >= (3, 11)
    cure = "" if good else "Install Python 3.11 or newer."
    return [
        Check("python", OK if good else FAIL, f"{platform.python_version()} on {platform.system()}", cure)
    ]


def _torch() -> list[Check]:
    import torch

    release = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    old = release < (2, 10)
    build = "CUDA " + torch.version.cuda if torch.version.cuda else "CPU"
    cure = "pip install 'torch>=2.10'" if old else ""
    torch.ones(2, 2) @ torch.ones(2, 2)
    return [Check("torch", FAIL if old else OK, f"{torch.__version__} ({build} build)", cure)]


def _cpu_features() -> list[Check]:
    import torch

    level = torch.backends.cpu.get_cpu_capability()
    slow = level in ("DEFAULT", "NO AVX")
    cure = "It works but slowly; a processor with AVX2 is several times faster." if slow else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return [Check("cpu features", WARN if slow else OK, f"{level}, {cores} cores", cure)]


def _compiled_kernels() -> list[Check]:
    found = []
    for package in COMPILED:
        name, cure = f"kernels of {package}", f"{REINSTALL} {package.replace('_', '-')}"
        try:
            # Imported directly: the package itself would only warn and go on without.
            info = dict(import_module(f"{package}._C").build_info())
            found.append(
                Check(name, OK, _one_line(", ".join(f"{key} {value}" for key, value in info.items())))
            )
        except Exception as error:
            found.append(Check(name, FAIL, _one_line(error), f"{cure} (needs g++)"))
    return found


def _mediapipe() -> list[Check]:
    import mediapipe

    folder = Path(mediapipe.__file__).parent
    missing = [name for name in NETWORKS if not (folder / name).is_file()]
    pin = "pip install mediapipe==0.10.14 'protobuf>=4.25.3,<5'"
    if missing:
        return [Check("mediapipe", FAIL, f"{mediapipe.__version__} has no {Path(missing[0]).name}", pin)]
    protobuf = version("protobuf")
    if int(protobuf.split(".")[0]) >= 5:
        return [Check("mediapipe", FAIL, f"protobuf {protobuf} is too new for it", pin)]
    return [Check("mediapipe", OK, f"{mediapipe.__version__}, {len(NETWORKS)} networks, protobuf {protobuf}")]


def _opencv() -> list[Check]:
    import cv2

    return [Check("opencv", OK, cv2.__version__)]


def _codecs() -> list[Check]:
    import av

    writers = [name for name in ("libx264", "aac") if not _has_codec(name, "w")]
    readers = [
        name for name in ("h264", "hevc", "aac", "mp3", "flac", "pcm_s16le") if not _has_codec(name, "r")
    ]
    missing = writers + readers
    ffmpeg = getattr(av, "ffmpeg_version_info", "unknown")
    if missing:
        found = f"av {av.__version__} has no {', '.join(missing)}"
        return [Check("codecs", FAIL, found, f"{REINSTALL} av")]
    return [Check("codecs", OK, f"av {av.__version__}, FFmpeg {ffmpeg}")]


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.codec.Codec(name, mode)
    except ValueError:
        return False
    return True


def _pictures() -> list[Check]:
    import PIL
    from PIL import features

    kinds = {"jpg": "JPEG", "zlib": "PNG", "webp": "WebP"}
    missing = [name for key, name in kinds.items() if not features.check(key)]
    if missing:
        found = f"Pillow {PIL.__version__} cannot read {', '.join(missing)}"
        return [Check("pictures", FAIL, found, CURES["pictures"])]
    return [Check("pictures", OK, f"Pillow {PIL.__version__}, {', '.join(kinds.values())}")]


def _provenance() -> list[Check]:
    import c2pa
    import cryptography

    return [Check("provenance", OK, f"c2pa {c2pa.sdk_version()}, cryptography {cryptography.__version__}")]


def _adapters() -> list[Check]:
    import peft
    import safetensors

    return [Check("adapters", OK, f"peft {peft.__version__}, safetensors {safetensors.__version__}")]


def _weights() -> list[Check]:
    found = []
    for package in WEIGHT_OWNERS:
        files = weight_files(package)
        name, cure = f"weights of {package}", f"{REINSTALL} {package.replace('_', '-')}"
        damaged = [Path(key).name for key, file in files.items() if not _intact(file)]
        if not files:
            found.append(Check(name, FAIL, "none are installed", cure))
        elif damaged:
            found.append(Check(name, FAIL, f"{damaged[0]} does not match its sha256", cure))
        else:
            size = sum(file.stat().st_size for file in files.values()) / 1e6
            found.append(Check(name, OK, f"{len(files)} files, {size:.1f} MB"))
    return found


def _intact(file: Path) -> bool:
    """Whether weights match the sha256 in the JSON beside them, where there is one."""
    card = file.with_suffix(".json")
    if not card.is_file():
        return True
    expected = json.loads(card.read_text()).get("sha256")
    return expected is None or expected == sha256_file(file)


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())[:160]


CHECKS: tuple[Callable[[], list[Check]], ...] = (
    _python,
    version_checks.packages,
    version_checks.requirements,
    version_checks.known_holes,
    _torch,
    version_checks.torch_build,
    version_checks.torchaudio,
    _cpu_features,
    _compiled_kernels,
    _adapters,
    _mediapipe,
    _opencv,
    _codecs,
    _pictures,
    _provenance,
    _weights,
    machine_checks.memory,
    machine_checks.memory_limit,
    machine_checks.disk,
    machine_checks.file_size,
    machine_checks.open_files,
    machine_checks.child_processes,
    machine_checks.temporary_folder,
    machine_checks.state,
    machine_checks.cache,
    machine_checks.data,
    machine_checks.file_names,
    machine_checks.language,
    machine_checks.clock,
)
CURES = {
    "torch": "pip install --force-reinstall 'torch>=2.10'",
    "torch build": "pip install --force-reinstall 'torch>=2.10'",
    "requirements": "pip install packaging",
    "known holes": "pip install packaging",
    "mediapipe": "pip install --force-reinstall mediapipe==0.10.14 'protobuf>=4.25.3,<5'",
    "opencv": "apt-get install libgl1 libglib2.0-0, or pip install opencv-python-headless",
    "codecs": f"{REINSTALL} av",
    "pictures": f"{REINSTALL} pillow",
    "provenance": "pip install --force-reinstall c2pa-python cryptography",
    "adapters": "Uninstall a torchaudio or torchvision that does not fit torch; pip install peft safetensors",
}
