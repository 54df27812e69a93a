"""Counts promises that tests keep: how many cases of each were tried, and how many failed.

    .venv/bin/python tools/bench/tested.py --keep tools/bench/results/tested.json        with the hour of speech
    .venv/bin/python tools/bench/tested.py --only doctor

The last line of stdout is one JSON object; exit code 1 if a case failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[1]))
# Behind everything else: the files beside this one are named like packages.
sys.path.sort(key=lambda place: Path(place).resolve() == Path(__file__).resolve().parent)
from bench.reliability import promise, report

ROOT = Path(__file__).resolve().parents[2]
PROMISES = {
    "an hour of speech: memory grows by at most 1 MB/min after minute 2, sound ends within 1 frame": (
        "tests/integration/test_an_hour_of_speech.py",
    ),
    "a damaged, cut, exchanged or too new artefact is refused with its own sentence": (
        "tests/integration/test_damaged_artefacts.py",
        "tests/mimictalk/test_manifest.py",
        "tests/mimictalk/test_weights_verifying.py",
    ),
    "doctor: each thing that is broken is named with a cure": (
        "tests/mimictalk/test_doctor.py::test_each_fault_is_named_with_its_cure",
    ),
    "errors: every one has a code, a cause and a cure, and is in the list": (
        "tests/mimictalk/test_errors.py",
        "tests/mimictalk/test_error_codes.py",
    ),
    "consent: none given, none guessed": ("tests/mimictalk/test_consent.py",),
    "pictures of users: decoded apart, nothing of the decoder believed": (
        "tests/mimictalk/test_decoded_pictures.py",
    ),
    "no pickle, eval, shell, yaml.load or unsafe torch.load in the source; no known hole allowed": (
        "tests/repo/test_unsafe_calls.py",
        "tests/repo/test_known_holes.py",
    ),
    "settings and files with random content: refused in words or read": (
        "tests/mimictalk/test_fuzzed_settings.py",
    ),
}


def counted(tests: tuple[str, ...], folder: Path) -> tuple[int, int]:
    """Cases that ran and cases that failed; skipped ones did not run.

    Raises:
        RuntimeError: If pytest could not run them.
    """
    written = folder / "result.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "slow or not slow",
        f"--junitxml={written}",
        *tests,
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {done.returncode}")
    cases = list(ElementTree.parse(written).iter("testcase"))
    ran = [case for case in cases if case.find("skipped") is None]
    failed = [case for case in ran if case.find("failure") is not None or case.find("error") is not None]
    return len(ran), len(failed)


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--only", default="", help="only promises with this in their words")
    told.add_argument("--keep", type=Path, help="write the JSON here too")
    given = told.parse_args()
    promises = []
    with tempfile.TemporaryDirectory() as folder:
        for words, tests in PROMISES.items():
            if given.only in words:
                promises.append(promise(words, *counted(tests, Path(folder))))
    report("tested", 0, promises, given.keep)
    return int(any(one["failed"] for one in promises))


if __name__ == "__main__":
    sys.exit(main())
