"""Every artefact of the packages is either what was written or refused: no bit, no byte, no file goes unnoticed."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kept_artefacts import Artefact, write_all
from mimictalk.errors import InputError, explain

FLIPS, CUTS = 120, 12


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    return write_all(tmp_path_factory.mktemp("artefacts"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    """The same kinds with other content."""
    return write_all(tmp_path_factory.mktemp("others"), seed=1)


KINDS = (
    "track", "motion as JSON", "motion as npz", "motion", "talking style", "visemes", "portrait weights",
    "motion weights", "avatar",
)  # fmt: skip


def refusal(artefact: Artefact) -> str | None:
    """The sentence with which it is refused, as the app prints it; None if it is accepted."""
    raised: Exception | None = None
    try:
        artefact.read()
    except Exception as error:
        raised = error
    if raised is None:
        return None
    known = explain(raised)
    assert isinstance(known, InputError), f"not explained: {raised!r}"
    assert known.cause and known.cure and len(str(known).splitlines()) <= 3, str(known)
    return known.cause


def damaged(path: Path, content: bytes) -> Iterator[None]:
    """With other content in a file, then as it was."""
    whole = path.read_bytes()
    path.write_bytes(content)
    yield
    path.write_bytes(whole)


def test_the_kinds_are_all_there(artefacts):
    assert tuple(artefacts) == KINDS
    assert [refusal(artefact) for artefact in artefacts.values()] == [None] * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_is_noticed(artefacts, kind):
    draw, artefact = random.Random(f"flips {kind}"), artefacts[kind]
    for _ in range(FLIPS):
        path = draw.choice(artefact.files)
        content = bytearray(path.read_bytes())
        place, bit = draw.randrange(len(content)), draw.randrange(8)
        content[place] ^= 1 << bit
        for _ in damaged(path, bytes(content)):
            assert refusal(artefact), f"bit {bit} of byte {place} of {path.name}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_bit_of_a_files_beginning_and_end(artefacts, kind):
    """Where headers, keys and seals are: more than chance would look at."""
    artefact = artefacts[kind]
    for path in artefact.files:
        whole = path.read_bytes()
        for place in [*range(0, min(40, len(whole)), 3), *range(max(0, len(whole) - 90), len(whole), 7)]:
            content = bytearray(whole)
            content[place] ^= 0x20  # of letters it changes the case, of digits the meaning
            for _ in damaged(path, bytes(content)):
                assert refusal(artefact), f"byte {place} of {path.name}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_noticed(artefacts, kind):
    draw, artefact = random.Random(f"cuts {kind}"), artefacts[kind]
    for path in artefact.files:
        whole = path.read_bytes()
        lengths = {0, 1, 8, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(CUTS))}
        for length in (length for length in lengths if length < len(whole)):
            for _ in damaged(path, whole[:length]):
                assert refusal(artefact), f"{length} of {len(whole)} bytes of {path.name}"
        for _ in damaged(path, whole + b"\0"):
            assert refusal(artefact), f"a byte more in {path.name}"


@pytest.mark.parametrize("kind", ["portrait weights", "motion weights", "avatar"])
def test_every_exchanged_file_is_noticed(artefacts, others, kind):
    artefact, other = artefacts[kind], others[kind]
    for path, another in zip(artefact.files, other.files, strict=True):
        if path.read_bytes() != another.read_bytes():
            for _ in damaged(path, another.read_bytes()):
                assert refusal(artefact), path.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_noticed(artefacts, tmp_path, kind):
    artefact = artefacts[kind]
    for path in artefact.files:
        away = tmp_path / path.name
        shutil.move(path, away)
        assert refusal(artefact), path.name
        shutil.move(away, path)
    assert refusal(artefact) is None


@pytest.mark.parametrize("kind", ["track", "motion", "talking style"])
def test_another_kind_is_not_taken_for_it(artefacts, kind):
    artefact = artefacts[kind]
    for name in {"track", "motion", "talking style"} - {kind}:
        for _ in damaged(artefact.path, artefacts[name].path.read_bytes()):
            assert "its format is" in str(refusal(artefact))


NEWER = {
    "track": ("face3dmm.seal", "face3dmm.FaceTrack.3"),
    "motion": ("talk_motion.seal", "talk_motion.MotionSequence.3"),
    "talking style": ("talk_motion.seal", "talk_motion.MotionPrompt.3"),
}


@pytest.mark.parametrize("kind", NEWER)
def test_a_newer_schema_is_told_from_damage(artefacts, kind):
    import torch

    module, form = NEWER[kind]
    save_sealed = pytest.importorskip(module).save_sealed
    for _ in damaged(artefacts[kind].path, save_sealed({"x": torch.ones(2)}, form)):
        assert "a newer version wrote it (schema 3" in str(refusal(artefacts[kind]))


def test_each_kind_of_damage_has_its_own_sentence(artefacts):
    artefact = artefacts["track"]
    whole = artefact.path.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    cases = {
        "cut short": whole[:-9],
        "too long": whole + b"0",
        "altered": flipped,
        "no file of tensors": b"text",
    }
    said = Counter()
    for words, content in cases.items():
        for _ in damaged(artefact.path, content):
            cause = str(refusal(artefact))
            assert words in cause
            said[cause] += 1
    assert len(said) == len(cases)
