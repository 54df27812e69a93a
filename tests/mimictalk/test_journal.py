"""A work folder is taken up by the same job only, and only what is whole in it."""

import pytest

from mimictalk.errors import InputError
from mimictalk.journal import JOURNAL, Journal


def write(journal: Journal, name: str, content: bytes = b"content") -> None:
    with journal.writing(name) as path:
        path.write_bytes(content)


@pytest.fixture
def folder(here):
    with Journal(here / "work", "key") as journal:
        write(journal, "a", b"first")
        write(journal, "b", b"second")
    return here / "work"


def names(folder) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_finished_files_are_taken_up(folder):
    with Journal(folder, "key") as journal:
        assert journal.names == ["a", "b"]
        assert "a" in journal and "b" in journal and "c" not in journal
        write(journal, "c")
    with Journal(folder, "key") as journal:
        assert journal.names == ["a", "b", "c"]


def test_the_time_when_the_job_began_is_kept(folder, monkeypatch):
    with Journal(folder, "key") as journal:
        before = journal.created
    monkeypatch.setattr("mimictalk.journal.now", lambda: "later")
    with Journal(folder, "key") as journal:
        assert journal.created == before
    with Journal(folder, "another") as journal:
        assert journal.created == "later"
        write(journal, "a")


def test_another_job_finds_nothing(folder):
    with Journal(folder, "another") as journal:
        assert journal.names == []
        assert names(folder) == [JOURNAL]
        write(journal, "a", b"other")
    with Journal(folder, "key") as journal:
        assert journal.names == []


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:-1] + bytes([b[-1] ^ 1])]
)
def test_a_damaged_file_does_not_count(folder, change):
    (folder / "a").write_bytes(change((folder / "a").read_bytes()))
    with Journal(folder, "key") as journal:
        assert "a" not in journal and "b" in journal
        write(journal, "a", b"once more")
    with Journal(folder, "key") as journal:
        assert "a" in journal and "b" in journal


def test_a_lost_file_does_not_count(folder):
    (folder / "a").unlink()
    with Journal(folder, "key") as journal:
        assert "a" not in journal and "b" in journal


def test_every_cut_of_the_journal_keeps_its_whole_lines(folder):
    content = (folder / JOURNAL).read_bytes()
    files = {name: (folder / name).read_bytes() for name in ("a", "b")}
    ends = [index + 1 for index, byte in enumerate(content) if byte == ord("\n")]
    for cut in range(0, len(content) + 1, 7):
        folder.mkdir(exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        (folder / JOURNAL).write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends)
        with Journal(folder, "key") as journal:
            assert journal.names == ["a", "b"][: max(0, whole - 1)], cut
            write(journal, "c")
        with Journal(folder, "key") as journal:
            assert journal.names == [*["a", "b"][: max(0, whole - 1)], "c"], cut
            journal.discard()


def test_every_flipped_bit_of_the_journal_is_noticed(folder):
    content = (folder / JOURNAL).read_bytes()
    files = {name: (folder / name).read_bytes() for name in ("a", "b")}
    for place in range(0, len(content), 3):
        for name, data in files.items():
            (folder / name).write_bytes(data)
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        (folder / JOURNAL).write_bytes(changed)
        with Journal(folder, "key") as journal:
            assert set(journal.names) < {"a", "b"}, place
        folder.mkdir(exist_ok=True)


def test_a_failure_while_writing_records_nothing(folder):
    with Journal(folder, "key") as journal:
        with pytest.raises(OSError), journal.writing("c") as path:
            path.write_bytes(b"half")
            raise OSError
        assert "c" not in journal
    assert names(folder) == ["a", "b", JOURNAL]


def test_one_process_at_a_time(folder):
    with Journal(folder, "key"):
        with pytest.raises(InputError) as caught, Journal(folder, "key"):
            pass
        assert str(caught.value) == (
            f"{folder}: another mimictalk is making this file\nWait for it, or choose another name with -o."
        )
    with Journal(folder, "key") as journal:
        assert journal.names == ["a", "b"]


def test_nothing_finished_leaves_no_folder(here):
    with pytest.raises(ValueError), Journal(here / "work", "key"):
        raise ValueError
    assert list(here.iterdir()) == []
