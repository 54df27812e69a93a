"""`demo` copies its material, adapts, renders, and touches nothing else."""

from types import SimpleNamespace

import pytest

from mimictalk import demo


@pytest.fixture
def jobs(monkeypatch, tmp_path):
    """Embedded material and both jobs replaced; returns the settings they got."""
    data = tmp_path / "package" / "data" / "demo"
    data.mkdir(parents=True)
    for source, name in demo.MATERIAL.items():
        (data / source).write_text(name)
    monkeypatch.setattr(demo.resources, "files", lambda package: tmp_path / "package")
    seen = SimpleNamespace(data=data)

    def make_avatar(settings, console):
        seen.adapt = settings
        return {"avatar": str(settings.out)}

    def render_avatar(settings, console):
        seen.render = settings
        return {"video": str(settings.out), "frames": 3}

    monkeypatch.setattr(demo, "make_avatar", make_avatar)
    monkeypatch.setattr(demo, "render_avatar", render_avatar)
    return seen


def test_the_whole_way(cli, here, jobs):
    ran = cli("demo", "-o", "d")
    assert (ran.code, ran.out) == (0, "d/talking.mp4\n")
    assert (here / "d" / "reference.mp4").read_text() == "reference.mp4"
    assert jobs.adapt.video == jobs.adapt.out.parent / "reference.mp4"
    assert (jobs.adapt.steps, jobs.adapt.budget_s, jobs.adapt.force) == (demo.STEPS, demo.BUDGET_S, True)
    assert jobs.adapt.consent.startswith("synthetic person")
    assert jobs.render.avatar == jobs.adapt.out
    assert jobs.render.audio.name == "speech.flac"


def test_steps_lift_the_time_limit(cli, jobs):
    told = cli("demo", "-o", "d", "--steps", 7, "--json").json
    assert (jobs.adapt.steps, jobs.adapt.budget_s) == (7, None)
    assert told["video"] == "d/talking.mp4"
    assert told["adapted"] == {"avatar": "d/avatar"}


def test_other_files_in_the_folder_stay(cli, here, jobs):
    (here / "d").mkdir()
    (here / "d" / "mine.txt").write_text("mine")
    (here / "d" / "speech.flac").write_text("of an older demo")
    assert cli("demo", "-o", "d").code == 0
    assert sorted(entry.name for entry in (here / "d").iterdir()) == [
        "mine.txt",
        "reference.mp4",
        "speech.flac",
    ]
    assert (here / "d" / "speech.flac").read_text() == "speech.flac"


def test_missing_material_is_told(cli, jobs):
    (jobs.data / "demo_speech.flac").unlink()
    ran = cli("demo", "-o", "d")
    assert (ran.code, ran.err) == (
        1,
        "demo: its built-in demo_speech.flac is missing\n"
        "Install it again: pip install --force-reinstall --no-deps mimictalk\n",
    )
