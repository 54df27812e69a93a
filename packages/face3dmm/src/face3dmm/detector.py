"""The one module that imports mediapipe: face boxes, 478 face landmarks, the person's matte.

Pinned to mediapipe 0.10.14, whose wheel carries these networks; later wheels do not.
"""

import importlib
import os
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from face3dmm.errors import InputError
from face3dmm.stderr_filter import without_lines

LANDMARKS = 478
BELOW_THE_HEAD = ("body-skin", "clothes")  # labels of networks that tell more than persons
# A landmark as protobuf writes it: tag and length, then tag and float of each coordinate.
_SERIALISED = np.dtype(
    [
        ("point", "V2"),
        ("x_tag", "V1"),
        ("x", "<f4"),
        ("y_tag", "V1"),
        ("y", "<f4"),
        ("z_tag", "V1"),
        ("z", "<f4"),
    ]
)
# What the C++ side writes to stderr at every start, whatever its log level; nobody can act on any of it.
_NOISE = ("XNNPACK delegate", "absl::InitializeLog", "inference_feedback_manager", "gl_context")


@dataclass(frozen=True)
class FaceBox:
    """A detected face, about brows to chin and ear to ear, in pixels.

    Attributes:
        x0, y0, x1, y1: Edges.
        score: The detector's certainty in [0, 1].
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float

    @property
    def side(self) -> float:
        """Geometric mean of width and height."""
        return float(np.sqrt(max(0.0, self.x1 - self.x0) * max(0.0, self.y1 - self.y0)))

    @property
    def centre(self) -> tuple[float, float]:
        """The middle (x, y)."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


class _Graph:
    """A running mediapipe graph."""

    def __init__(self, module: str, solution: str, output: str, **options: Any) -> None:
        self._output = output
        with without_lines(_NOISE):
            self._solution = getattr(_import(module), solution)(**options)
            self._process(np.zeros((64, 64, 3), np.uint8))  # the networks speak up when they are first needed

    def _process(self, picture: np.ndarray) -> Any:
        return getattr(self._solution.process(np.ascontiguousarray(picture)), self._output)

    def close(self) -> None:
        """Stop the graph's threads."""
        self._solution.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FaceFinder(_Graph):
    """Finds all faces of a picture, up to about 5 m away (BlazeFace, full range).

    Args:
        min_score: Faces less certain than this are left out, [0, 1].
    """

    def __init__(self, min_score: float = 0.5) -> None:
        options = {"model_selection": 1, "min_detection_confidence": min_score}
        super().__init__("face_detection", "FaceDetection", "detections", **options)

    def __call__(self, picture: np.ndarray) -> list[FaceBox]:
        """Boxes of the faces in one picture (H, W, 3) uint8 RGB, largest first."""
        height, width = picture.shape[:2]
        boxes = []
        for one in self._process(picture) or ():
            box = one.location_data.relative_bounding_box
            x0, y0 = box.xmin * width, box.ymin * height
            x1, y1 = x0 + box.width * width, y0 + box.height * height
            boxes.append(FaceBox(x0, y0, x1, y1, float(one.score[0])))
        return sorted(boxes, key=lambda box: -box.side)


class LandmarkTracker(_Graph):
    """Follows the landmarks of faces from frame to frame (face mesh with attention to lips and eyes).

    Nothing is smoothed over time: the last frame only says where to look, so lips are not delayed.

    Args:
        faces: How many faces to follow at most.
        still: Take each picture on its own.
    """

    def __init__(self, faces: int = 1, *, still: bool = False) -> None:
        options = {"static_image_mode": still, "max_num_faces": faces, "refine_landmarks": True}
        super().__init__("face_mesh", "FaceMesh", "multi_face_landmarks", **options)

    def __call__(self, picture: np.ndarray) -> list[np.ndarray]:
        """Landmarks of the faces in one picture (H, W, 3) uint8 RGB.

        Returns:
            One (478, 3) float32 per face: x, y in pixels, z in pixels towards the back, about 0 in the
            middle of the head. The first 468 are the face mesh, then the subject's right iris (468-472)
            and left iris (473-477).
        """
        height, width = picture.shape[:2]
        faces = self._process(picture) or ()
        scale = np.array([width, height, width], np.float32)
        return [_coordinates(face) * scale for face in faces]


def _coordinates(landmarks: Any) -> np.ndarray:
    """x, y, z of a NormalizedLandmarkList, (N, 3) float32: in one piece, not point by point."""
    points = np.frombuffer(landmarks.SerializeToString(), _SERIALISED)
    return np.stack([points[axis] for axis in "xyz"], 1)


class PersonSegmenter(_Graph):
    """Tells persons from the background (MediaPipe selfie segmentation, 256 x 256 inside).

    Args:
        thinning: Of so many pixels in a row or column the answer has one.
    """

    def __init__(self, thinning: int = 1) -> None:
        self._thinning = thinning
        super().__init__("selfie_segmentation", "SelfieSegmentation", "segmentation_mask", model_selection=0)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Probability (2, H, W) float32 in [0, 1] of person and, always 0, of what is below the head, for one
        picture (H, W, 3) uint8 RGB; of a thinned answer (2, H / thinning, W / thinning)."""
        person = self._process(picture)[:: self._thinning, :: self._thinning]
        answer = np.zeros((2, *person.shape), np.float32)
        answer[0] = person
        return answer


class TaskSegmenter:
    """A segmentation network that the user has: a task file of MediaPipe.

    Args:
        path: The file (.tflite or .task), such as selfie_multiclass_256x256.tflite. Its labels must name the
            background, or be "selfie" alone.
        thinning: As of `PersonSegmenter`.

    Raises:
        InputError: If it is not such a file.
    """

    def __init__(self, path: str | os.PathLike[str], thinning: int = 1) -> None:
        self._thinning = thinning
        cure = (
            "Give one such as selfie_multiclass_256x256.tflite, from MediaPipe's page on image segmentation."
        )
        try:
            content = Path(path).read_bytes()  # mediapipe names a wrong file only by what is wrong inside
        except OSError as error:
            raise InputError(path, f"cannot be read ({error.strerror})", cure) from error
        _import("selfie_segmentation")  # sets the environment up
        vision, base = (
            importlib.import_module(f"mediapipe.tasks.python.{name}")
            for name in ("vision.image_segmenter", "core.base_options")
        )
        self._bindings: Any = importlib.import_module("mediapipe.python._framework_bindings")
        options = vision.ImageSegmenterOptions(
            base_options=base.BaseOptions(model_asset_buffer=content), output_confidence_masks=True
        )
        warnings.filterwarnings("ignore", "MessageFactory class is deprecated", UserWarning)
        with without_lines(_NOISE):
            try:
                self._task = vision.ImageSegmenter.create_from_options(options)
            except (RuntimeError, ValueError) as error:
                raise InputError(path, "is no segmentation task file of MediaPipe", cure) from error
            labels = list(self._task.labels)
            if "background" not in labels and labels != ["selfie"]:
                self.close()
                raise InputError(path, f"knows no background, only {', '.join(labels) or 'nothing'}", cure)
            self._background = labels.index("background") if "background" in labels else None
            self._below = [index for index, label in enumerate(labels) if label in BELOW_THE_HEAD]
            self(np.zeros((64, 64, 3), np.uint8))

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """As `PersonSegmenter`; the second tells body and clothes, as far as the network does."""
        bindings = self._bindings
        given = bindings.image.Image(
            image_format=bindings.image_frame.ImageFormat.SRGB, data=np.ascontiguousarray(picture)
        )
        found = self._task.segment(given).confidence_masks
        masks = np.stack([mask.numpy_view()[:: self._thinning, :: self._thinning] for mask in found])
        person = masks[0] if self._background is None else 1 - masks[self._background]
        return np.stack([person, masks[self._below].sum(0)])

    def close(self) -> None:
        """Stop the network's threads."""
        self._task.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _import(name: str) -> Any:
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # mediapipe 0.10.14 calls what protobuf 4.25 has marked for removal; both versions are pinned.
    warnings.filterwarnings("ignore", "SymbolDatabase.GetPrototype", UserWarning)
    try:
        importlib.import_module("cv2")
    except ImportError:
        # OpenCV's wheel needs libGL, which a bare Debian lacks. mediapipe imports it for its drawing
        # functions only, and nothing here draws: an empty stand-in saves the user a system package.
        sys.modules["cv2"] = types.ModuleType("cv2", "Empty stand-in: OpenCV cannot be loaded here.")
    with _later("matplotlib.pyplot"):
        return importlib.import_module(f"mediapipe.python.solutions.{name}")


class _Later(types.ModuleType):
    """A module that is imported when something of it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _later(name: str) -> Iterator[None]:
    """Put off an import within the block.

    mediapipe's drawing functions, unused here, import pyplot, which takes longer than all the rest of it.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = _Later(name)
    try:
        yield
    finally:
        del sys.modules[name]
