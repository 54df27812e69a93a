"""What may be in the repository: no machine's paths, no registries, no one's face, no file of many ideas."""

import re
from pathlib import Path

import pytest

from checkout import ROOT, tracked_files

# Put together here so that this file does not contain what it forbids.
MACHINE_PATHS = re.compile(
    "|".join(("/" + "work/", "/" + r"home/\w", "/" + "root/", "/" + r"Users/\w", "/" + "opt/wheels"))
)
REGISTRIES = re.compile(
    "|".join(
        name + r"\." + end
        for name, end in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            (r"download\.pytorch", "org"),
            ("anaconda", "(org|com)"),
            ("npmjs", "(org|com)"),
            ("docker", "io"),
            ("ghcr", "io"),
            ("crates", "io"),
        )
    )
)
MEDIA = {
    ".mp4",
    ".mov",
    ".avi",
    ".webm",
    ".mkv",
    ".wav",
    ".mp3",
    ".flac",
    ".m4a",
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
}
SYNTHETIC_MEDIA: dict[str, str] = {  # path: which script made it. No picture or sound of a person, ever.
    "packages/mimictalk/src/mimictalk/data/demo/demo_reference.flac": "tools/synthetic_speech/demo.py",
    "packages/mimictalk/src/mimictalk/data/demo/demo_speech.flac": "tools/synthetic_speech/demo.py",
    "packages/mimictalk/src/mimictalk/data/demo/reference.mp4": "tools/make_demo.py",
    "docs/pictures/example_portrait.jpg": "docs/examples/portrait3d_turn.py",
    "docs/pictures/example_speech.png": "docs/examples/talk_motion_visemes.py",
    "docs/pictures/example_triplane.png": "docs/examples/triplane_optimise.py",
    "docs/pictures/face_gaze.jpg": "tools/make_face_pictures.py",
    "docs/pictures/face_shapes.jpg": "tools/make_face_pictures.py",
    "docs/pictures/face_tracked.jpg": "tools/make_face_pictures.py",
}
NAMES_THAT_SAY_NOTHING = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "stuff",
    "lib",
    "tmp",
    "new",
    "old",
}
LINES_WANTED, LINES_ALLOWED, SHARE_WANTED = 250, 450, 0.9
LONG_FILES: dict[str, str] = {}  # path: why more than 450 lines are still one idea
LARGEST_FILE = 20e6
ALL_WEIGHTS = 40e6


def text_of(path: Path) -> str:
    """Return the text of a tracked file, "" for a binary one."""
    content = (ROOT / path).read_bytes()
    return "" if b"\0" in content[:8192] else content.decode(errors="replace")


def says_nothing(path: Path) -> bool:
    """Return True when a file or one of its folders has a name that does not tell what is in it."""
    return bool({part.split(".")[0].lower() for part in path.parts} & NAMES_THAT_SAY_NOTHING)


def lines_of_code(path: Path) -> int:
    return len((ROOT / path).read_text().splitlines())


def code_files() -> list[Path]:
    return [p for p in tracked_files() if p.suffix in {".py", ".cpp", ".cu", ".h", ".cuh", ".hpp"}]


@pytest.mark.parametrize(("what", "pattern"), [("machine path", MACHINE_PATHS), ("registry", REGISTRIES)])
def test_no_machine_paths_and_no_registries(what, pattern):
    found = [
        f"{path}: {what} {match[0]}" for path in tracked_files() if (match := pattern.search(text_of(path)))
    ]
    assert not found


def test_tracked_media_are_synthetic():
    media = {str(path) for path in tracked_files() if path.suffix.lower() in MEDIA}
    assert media == set(SYNTHETIC_MEDIA)


def test_names_say_something():
    assert [str(path) for path in tracked_files() if says_nothing(path)] == []


def test_no_file_is_longer_than_one_idea():
    long = {str(path) for path in code_files() if lines_of_code(path) > LINES_ALLOWED}
    assert long == set(LONG_FILES)


def test_nine_files_in_ten_are_short():
    long = [f"{path} ({lines_of_code(path)})" for path in code_files() if lines_of_code(path) > LINES_WANTED]
    assert len(long) <= (1 - SHARE_WANTED) * len(code_files()), long


def test_files_and_weights_stay_small():
    sizes = {path: (ROOT / path).stat().st_size for path in tracked_files()}
    assert [str(path) for path, size in sizes.items() if size > LARGEST_FILE] == []
    assert sum(size for path, size in sizes.items() if path.suffix == ".safetensors") <= ALL_WEIGHTS


@pytest.mark.parametrize("text", ["see /" + "home/me/a.py", "/" + "work/main", "C /" + "Users/me"])
def test_the_path_check_sees(text):
    assert MACHINE_PATHS.search(text)


@pytest.mark.parametrize("text", ["../shared/media", "/tmp/a", "framework/a", "https://example.org"])
def test_the_path_check_lets_pass(text):
    assert not MACHINE_PATHS.search(text)


def test_the_registry_check_sees():
    assert REGISTRIES.search("https://" + "pypi" + ".org/simple")
    assert not REGISTRIES.search("the Python package index")


def test_the_name_check_sees():
    assert says_nothing(Path("packages/a/utils.py"))
    assert says_nothing(Path("packages/helpers/a.py"))
    assert not says_nothing(Path("packages/a/rays.py"))
