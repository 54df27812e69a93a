"""Clips become shards once, failures are listed and stop nothing, and stores may be elsewhere."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mimictalk.console import Console
from mimictalk.errors import InputError
from mimictalk.preprocessing import PreprocessSettings, find_clips, preprocess
from mimictalk.training_shards import read_coefficients
from mimictalk.units.local_pool import LocalPool
from mimictalk.units.store import Store, fetched, listed
from mimictalk.units.unit import Outcome, Unit


class Pretender:
    """Writes a shard of nothing for each clip, and refuses those that say "no face"."""

    def __init__(self) -> None:
        self.asked: list[Unit] = []

    def run(self, units: list[Unit]) -> Iterator[Outcome]:
        for unit in units:
            self.asked.append(unit)
            with fetched(unit.task["clip"]) as path:
                content = path.read_bytes()
            if content == b"no face":
                yield Outcome(unit.name, False, error={"subject": "x", "cause": "no face", "cure": "y"})
                continue
            Store(unit.task["out"]).put(unit.task["shard"], content)
            facts = {"shard": unit.task["shard"], "sha256": "0", "frames": 25, "seconds": 1.0, "speech": True}
            yield Outcome(unit.name, True, facts)


def clips(folder: Path, **contents: bytes) -> Path:
    folder.mkdir()
    for name, content in contents.items():
        (folder / f"{name}.mp4").write_bytes(content)
    (folder / "notes.doc").write_bytes(b"no clip")
    return folder


def make(source: object, out: object, runner: object, here: Path) -> dict:
    settings = PreprocessSettings(60)
    return preprocess(str(source), str(out), here / "progress.jsonl", settings, runner, Console(quiet=True))


def test_clips_alike_are_done_once_and_failures_stop_nothing(here) -> None:
    folder, runner = clips(here / "in", a=b"one", b=b"no face", c=b"one", d=b"two"), Pretender()
    facts = make(folder, here / "out", runner, here)
    assert len(runner.asked) == 3
    assert (facts["clips"], facts["shards"], facts["failed"]) == (4, 2, 1)
    index = json.loads((here / "out" / "index.json").read_text())
    assert sorted(entry["clips"] for entry in index["shards"]) == [["a.mp4", "c.mp4"], ["d.mp4"]]
    (failure,) = json.loads((here / "out" / "failures.json").read_text())
    assert (Path(failure["clip"]).name, failure["cause"]) == ("b.mp4", "no face")


def test_a_second_run_makes_only_what_is_missing_and_the_index_is_the_same(here) -> None:
    folder = clips(here / "in", a=b"one", b=b"two")
    make(folder, here / "out", Pretender(), here)
    index = (here / "out" / "index.json").read_bytes()
    lost = json.loads(index)["shards"][0]["shard"]
    (here / "out" / lost).unlink()
    again = Pretender()
    make(folder, here / "out", again, here)
    assert [unit.task["shard"] for unit in again.asked] == [lost]
    assert (here / "out" / "index.json").read_bytes() == index


def test_other_settings_are_other_shards(here) -> None:
    folder, runner = clips(here / "in", a=b"one"), Pretender()
    make(folder, here / "out", runner, here)
    settings = replace(PreprocessSettings(), max_seconds=10)
    preprocess(str(folder), str(here / "out"), here / "p.jsonl", settings, runner, Console(quiet=True))
    assert runner.asked[0].name != runner.asked[1].name


def test_stores_are_opened_by_address(here) -> None:
    import fsspec

    files = fsspec.filesystem("memory")
    files.pipe("/bucket/in/a.mp4", b"one")
    files.pipe("/bucket/in/b.txt", b"no clip")
    assert listed("memory://bucket/in", (".mp4",)) == ["memory:///bucket/in/a.mp4"]
    runner = Pretender()
    facts = make("memory://bucket/in", "memory://bucket/out", runner, here)
    assert facts["shards"] == 1
    assert files.cat(f"/bucket/out/{runner.asked[0].task['shard']}") == b"one"
    assert make("memory://bucket/in", "memory://bucket/out", again := Pretender(), here)["shards"] == 1
    assert not again.asked


def test_lists_name_clips_from_their_own_folder(here) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "list.txt").write_text("# mine\na.mp4\n\n/abs/b.mp4\n")
    assert find_clips("sub/list.txt") == ["sub/a.mp4", "/abs/b.mp4"]
    for bad in ("nowhere", "sub"):
        with pytest.raises(InputError):
            find_clips(bad)


def test_a_clip_that_cannot_be_read_is_listed(here) -> None:
    (here / "list.txt").write_text("gone.mp4\n")
    facts = make(here / "list.txt", here / "out", Pretender(), here)
    assert (facts["shards"], facts["failed"]) == (0, 1)


def test_a_real_clip_and_its_sound_become_a_shard(media, here) -> None:
    source = str(media / "ref_m_german_20s.mp4")
    (here / "list.txt").write_text(f"{source}\n{here / 'broken.mp4'}\n")
    (here / "broken.mp4").write_bytes(b"\0" * 1000)
    settings = PreprocessSettings(1.0)
    facts = preprocess("list.txt", "out", here / "p.jsonl", settings, LocalPool(2), Console(quiet=True))
    assert (facts["shards"], facts["failed"], facts["seconds_of_video"]) == (1, 1, 1.0)
    (entry,) = json.loads((here / "out" / "index.json").read_text())["shards"]
    assert entry["speech"]
    assert read_coefficients(here / "out" / entry["shard"])["expression"].shape == (25, 64)
