"""Settings are read, checked and quoted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait3d.errors import InputError
from portrait3d.training.settings import RECIPES, Optimisation, TrainingSettings


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_every_recipe_reads_and_survives_json(recipe, tmp_path) -> None:
    settings = TrainingSettings.read(recipe)
    preset, _, stage = recipe.rpartition("_")
    assert settings.stage == stage
    assert settings.preset == ("small" if preset == "tiny" else preset)
    file = tmp_path / "again.json"
    file.write_text(json.dumps(settings.to_dict()))
    assert TrainingSettings.read(file) == settings


@pytest.mark.parametrize(("text", "said"), [
    ('steps = 3', "unknown: steps; known are stage"),
    ('seed = 1', "stage is missing: one of i2p, motion, torso"),
    ('stage = "head"', "stage must be one of i2p, motion, torso, got 'head'"),
    ('stage = "i2p"\nmodel = 3', "model must be a table, got 3"),
    ('stage = "i2p"\n[losses]\nlpips = 1', "unknown: losses.lpips"),
    ('stage = "i2p"\n[losses]\nraw = -1', "StageLosses.raw must be at least 0, got -1"),
    ('stage = "i2p"\n[optimisation]\nsteps = "9"', "Optimisation.steps must be a whole number, got '9'"),
    ('stage = "i2p"\n[optimisation]\nsteps = true', "Optimisation.steps must be a whole number, got True"),
    ('stage = "i2p"\n[optimisation]\nema = 1.0', "Optimisation.ema must be below 1, got 1.0"),
    ('stage = "i2p"\n[optimisation]\nlearning_rate = nan', "learning_rate must be at least 0, got nan"),
    ('stage = "i2p"\n[sampling]\nwindow = 30', "Sampling.window must be a multiple of 4, got 30"),
    ('stage = "i2p"\n[losses]\nadversarial = 1', "sampling.window must be 0, got 40"),
    ('stage = ', "Invalid value"),
])  # fmt: skip
def test_bad_settings_are_quoted(text, said, tmp_path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        TrainingSettings.read(file)
    assert said in str(refused.value)
    assert "small_i2p" in refused.value.cure


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere.toml: cannot be read"):
        TrainingSettings.read("nowhere.toml")


def test_rates_by_hand() -> None:
    cosine = Optimisation(steps=100, warm_up=10, floor=0.1)
    assert cosine.rate(0) == pytest.approx(0.1, rel=0.01)
    assert cosine.rate(50) == pytest.approx(0.1 + 0.9 / 2)
    assert cosine.rate(100) == pytest.approx(0.1)
    published = Optimisation(learning_rate=1e-4, warm_up=4000, schedule="steps", floor=0.1)
    assert published.rate(3) == pytest.approx(4 / 4000)
    assert published.rate(5000) == pytest.approx(0.95)
    assert published.rate(49_999) == pytest.approx(0.95**9)
    assert published.rate(1_000_000) == pytest.approx(0.1)


@given(st.integers(0, 10_000), st.sampled_from(["cosine", "steps", "constant"]))
def test_rates_stay_between_nothing_and_the_peak(step, schedule) -> None:
    settings = Optimisation(steps=10_000, schedule=schedule)
    assert 0 < settings.rate(step) <= 1


@pytest.mark.parametrize(("recipe", "steps"), [("full_motion", 250_000), ("full_torso", 100_000)])
def test_published_recipes_name_their_data_sets(recipe, steps) -> None:
    settings = TrainingSettings.read(recipe)
    assert settings.data_sets == ["VFHQ", "CelebV-HQ", "TalkingHead-1KH", "RAVDESS"]
    assert (settings.optimisation.steps, settings.optimisation.batch) == (steps, 8)  # one on each of 8 GPUs


@pytest.mark.parametrize("names", [3, "VFHQ", ["a/b"], [""], [".."], [1]])
def test_a_data_set_is_the_name_of_a_folder(names) -> None:
    with pytest.raises(ValueError, match="data_sets must be a list of names of folders"):
        TrainingSettings.from_dict({"stage": "motion", "data_sets": names})
