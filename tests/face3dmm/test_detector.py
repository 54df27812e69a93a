"""The detectors on a photograph in the public domain, and on a machine without OpenGL."""

import subprocess
import sys

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from face3dmm import InputError
from face3dmm.detector import FaceBox, FaceFinder, LandmarkTracker, PersonSegmenter, TaskSegmenter
from segmentation_task import write_task

skimage_data = pytest.importorskip("skimage.data")
NO_OPENCV = """
import sys, importlib.abc
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file")
sys.meta_path.insert(0, Blocker())
import numpy as np
from skimage.data import astronaut
from face3dmm.detector import FaceFinder, LandmarkTracker, PersonSegmenter
picture = astronaut()
points = LandmarkTracker(still=True)(picture)[0]
mask, _ = PersonSegmenter()(picture)
boxes = FaceFinder()(picture)
assert not hasattr(sys.modules["cv2"], "__version__")
np.savetxt(sys.stdout, points[:3])
print(mask.shape, len(boxes))
"""


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return skimage_data.astronaut()


def test_face_box(astronaut: np.ndarray) -> None:
    with FaceFinder() as finder:
        boxes = finder(astronaut)
        assert finder(np.zeros_like(astronaut)) == []
    assert len(boxes) == 1
    assert boxes[0].centre == pytest.approx((224, 115), abs=15)  # seen in the picture
    assert 60 < boxes[0].side < 130
    assert boxes[0].score > 0.5


def test_landmarks(astronaut: np.ndarray) -> None:
    with LandmarkTracker(still=True) as tracker:
        (points,) = tracker(astronaut)
        assert tracker(np.zeros_like(astronaut)) == []
    assert points.shape == (478, 3)
    right_eye, left_eye, chin, nose = points[33], points[263], points[152], points[1]
    assert right_eye[0] < nose[0] < left_eye[0]  # the subject's right is on the left of the picture
    assert right_eye[1] < nose[1] < chin[1]
    assert nose[2] < points[234][2]  # nearer to the camera
    assert abs(points[468:473, 0].mean() - points[[33, 133], 0].mean()) < 10  # right iris in the right eye


def test_any_shape_of_picture(astronaut: np.ndarray) -> None:
    wide = np.concatenate([astronaut, np.zeros((512, 300, 3), np.uint8)], 1)
    with LandmarkTracker(still=True) as tracker:
        whole, padded = tracker(astronaut)[0], tracker(wide)[0]
    assert np.abs(whole[:, :2] - padded[:, :2]).mean() < 3


def test_person_mask(astronaut: np.ndarray) -> None:
    with PersonSegmenter() as segmenter:
        mask, below = segmenter(astronaut)
    assert mask.shape == (512, 512)
    assert below.max() == 0  # this network cannot tell
    assert 0 <= mask.min() <= mask.max() <= 1
    assert mask[100:140, 200:250].mean() > 0.9  # the face
    assert mask[20:60, 20:60].mean() < 0.1  # the flag's corner


def test_a_task_file_with_one_class_is_that_class(astronaut: np.ndarray) -> None:
    bundled = files("mediapipe") / "modules" / "selfie_segmentation" / "selfie_segmentation.tflite"
    with PersonSegmenter() as segmenter, TaskSegmenter(str(bundled)) as task:
        wanted, (got, below) = segmenter(astronaut)[0], task(astronaut)
    # The same network behind another resizing of the picture.
    assert np.abs(got - wanted).mean() < 0.01
    assert below.max() == 0


def test_a_task_file_with_more_classes(tmp_path: Path) -> None:
    colours = {
        "background": (0, 0, 250),
        "hair": (60, 30, 0),
        "clothes": (0, 200, 0),
        "body-skin": (250, 160, 120),
    }
    write_task(tmp_path / "classes.tflite", colours)
    picture = np.full((512, 512, 3), (0, 0, 250), np.uint8)
    areas = {"hair": (slice(0, 128), (1, 0)), "body-skin": (slice(128, 256), (1, 1)),
             "clothes": (slice(256, 384), (1, 1))}  # fmt: skip
    for label, (rows, _) in areas.items():
        picture[rows, :256] = colours[label]
    with TaskSegmenter(tmp_path / "classes.tflite") as task:
        person, below = task(picture)
    for label, (rows, (is_person, is_below)) in areas.items():
        inner = slice(rows.start + 8, rows.stop - 8), slice(8, 248)
        assert person[inner] == pytest.approx(is_person, abs=0.01), label
        assert below[inner] == pytest.approx(is_below, abs=0.01), label
    assert person[:, 264:].max() < 0.01


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [("none.tflite", None, "cannot be read"), ("text.tflite", b"not a network", "no segmentation task file")],
)
def test_a_wrong_task_file_is_named(tmp_path: Path, name: str, content: bytes | None, cause: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}[\\s\\S]*{cause}[\\s\\S]*selfie_multiclass"):
        TaskSegmenter(tmp_path / name)


def test_a_task_file_must_know_the_background(tmp_path: Path) -> None:
    write_task(tmp_path / "pets.tflite", {"cat": (0, 0, 0), "dog": (9, 9, 9)}, labels=("cat", "dog"))
    with pytest.raises(InputError, match="knows no background, only cat, dog"):
        TaskSegmenter(tmp_path / "pets.tflite")


def test_box_measures() -> None:
    box = FaceBox(10, 20, 50, 110, 0.9)
    assert box.side == pytest.approx(60)
    assert box.centre == (30, 65)


def test_without_opencv_everything_works_and_stderr_is_quiet(astronaut: np.ndarray) -> None:
    done = subprocess.run([sys.executable, "-c", NO_OPENCV], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    *rows, last = done.stdout.splitlines()
    assert last == "(512, 512) 1"
    with LandmarkTracker(still=True) as tracker:
        wanted = tracker(astronaut)[0][:3]
    np.testing.assert_allclose(np.loadtxt(rows), wanted, atol=0.01)


def test_pyplot_is_not_imported_before_it_is_needed() -> None:
    program = (
        "import sys; from face3dmm.detector import FaceFinder; FaceFinder().close();"
        "assert 'matplotlib.pyplot' not in sys.modules;"
        "from mediapipe.python.solutions import drawing_utils; print(drawing_utils.plt.figure.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "matplotlib.pyplot"
