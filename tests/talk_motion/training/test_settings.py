"""Settings: recipes are read, what is wrong is quoted."""

import math

import pytest

from talk_motion.errors import InputError
from talk_motion.training.settings import RECIPES, Optimisation, TrainingSettings


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_every_recipe_is_read_and_survives_a_round_trip(recipe) -> None:
    settings = TrainingSettings.read(recipe)
    assert TrainingSettings.from_dict(settings.to_dict()) == settings
    assert recipe.split("_", 1)[1].replace("_", "-") == settings.stage


@pytest.mark.parametrize(("content", "said"), [
    ({}, "stage is missing"),
    ({"stage": "motion"}, "got 'motion'"),
    ({"stage": "a2m", "speed": 1}, "unknown: speed"),
    ({"stage": "a2m", "optimisation": {"step": 1}}, r"unknown: optimisation\.step"),
    ({"stage": "a2m", "optimisation": {"steps": 0}}, "at least 1, got 0"),
    ({"stage": "a2m", "optimisation": {"steps": 1.5}}, r"got 1\.5"),
    ({"stage": "a2m", "optimisation": {"ema": 1.0}}, r"below 1, got 1\.0"),
    ({"stage": "a2m", "losses": {"sync": math.nan}}, "got nan"),
    ({"stage": "a2m", "losses": {"objective": "guess"}}, "got 'guess'"),
    ({"stage": "a2m", "preset": "full", "losses": {"objective": "regression"}}, "no objective"),
    ({"stage": "a2m", "losses": 3}, "must be a table, got 3"),
    ({"stage": "a2m-vae"}, "preset full only, got 'small'"),
    ({"stage": "sync", "preset": "full"}, "preset small only, got 'full'"),
    ({"stage": "sync", "optimisation": {"batch": 1}}, "at least 2 for sync, got 1"),
])  # fmt: skip
def test_bad_settings_are_quoted(content, said) -> None:
    with pytest.raises(ValueError, match=said):
        TrainingSettings.from_dict(content)


def test_files_that_cannot_be_read_are_named(tmp_path) -> None:
    with pytest.raises(InputError, match="small_a2m"):
        TrainingSettings.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("stage = ")
    with pytest.raises(InputError, match="bad.toml"):
        TrainingSettings.read(tmp_path / "bad.toml")


def test_the_rate_rises_and_falls_along_a_cosine() -> None:
    told = Optimisation(steps=100, learning_rate=2.0, warm_up=10)
    assert told.rate(0) == pytest.approx(0.2)
    assert told.rate(50) == pytest.approx(1.0)  # half of the way, half of the peak
    assert Optimisation(steps=100, learning_rate=2.0, schedule="constant").rate(99) == 2.0


def test_published_recipes_name_their_data_sets() -> None:
    in_context, vae = (TrainingSettings.read(name) for name in ("full_a2m", "full_a2m_vae"))
    assert (in_context.data_sets, in_context.optimisation.steps) == (["VoxCeleb2", "CMLR"], 1_856_000)
    assert (vae.data_sets, vae.optimisation.steps) == (["VoxCeleb2"], 400_000)
    assert vae.optimisation.learning_rate == 5e-4
