"""The ablation around its training: what each variant learns from, what is judged, what is not done twice."""

import json
from types import SimpleNamespace

import pytest
import torch

from ball_portrait import ball_clip
from mimictalk import adapt_ablation, adapt_sample, adapting, checking, portrait_material
from mimictalk.adapt_ablation import VARIANTS, AblationSettings, as_markdown, split
from mimictalk.adapt_recipe import Recipe
from mimictalk.errors import InputError
from portrait3d import held_out

FIGURES = {"psnr": 25.0, "psnr_mouth": 24.0, "ssim": 0.9, "sharpness": 0.8, "gmsd": 0.05, "lmd": 2.0}


@pytest.fixture
def clip():
    return ball_clip(150)


@pytest.fixture
def asked(monkeypatch, clip, here):
    """Training and drawing replaced by something quick; returns what was learned and what was judged."""
    (here / "ref.mp4").write_bytes(b"frames")
    asked: list[tuple] = []

    def learn(learned, track, recipe, config, budget_s, folder, key, progress):
        network = torch.nn.Linear(2, 2)
        (folder / "training_state.safetensors").parent.mkdir(parents=True, exist_ok=True)
        (folder / "training_state.safetensors").write_bytes(b"state")
        asked.append((folder.name, len(learned), recipe, config.steps))
        result = SimpleNamespace(steps=config.steps, seconds=3.0, held_out=[(0, 1.0, {"psnr": 20.0})])
        backbone = SimpleNamespace(network=network, identity=lambda: None, layers=lambda: None)
        return SimpleNamespace(backbone=backbone, result=result)

    def draw_sample(model, identity, whole, track, numbers, held_out):
        assert len(whole) == 150 and min(numbers) >= 120
        return SimpleNamespace(figures=lambda: FIGURES)

    def judge_frames(model, whole, layers, numbers):
        assert min(numbers) >= 120
        return {"head_iou": 0.95}

    verdict = SimpleNamespace(track=SimpleNamespace(source_hash="clip"))
    monkeypatch.setattr(held_out, "judge_frames", judge_frames)
    monkeypatch.setattr(adapting, "learn", learn)
    monkeypatch.setattr(adapt_sample, "draw_sample", draw_sample)
    monkeypatch.setattr(checking, "check_reference", lambda *_: verdict)
    monkeypatch.setattr(portrait_material, "portrait_clip", lambda *_, posed: clip)
    return asked


def test_every_row_of_the_papers_table_is_there():
    recipes = {name: variant.recipe for name, variant in VARIANTS.items()}
    assert not recipes["no-planes"].planes
    assert recipes["no-lora"].config(None, 0).learning_rate == 0.0
    assert recipes["random"].start == "random"
    assert [recipes[f"rank-{r}"].rank for r in (1, 2, 4, 8, 16)] == [1, 2, 4, 8, 16]
    published = recipes["published"].config(None, 0)
    assert (published.r, published.lora_alpha, published.steps, published.schedule) == (
        2,
        1,
        2000,
        "constant",
    )
    assert (published.learning_rate, published.static_learning_rate) == (1e-3, 5e-3)


def test_the_end_of_the_clip_is_judged_and_never_learned_from(clip):
    learned, ending = split(clip)
    assert learned == list(range(120))
    assert min(ending) >= 120 and max(ending) == 149
    with pytest.raises(InputError, match="can be judged"):
        split(clip.take(range(60)))


def test_variants_are_learned_once(cli, here, asked):
    ran = cli("ablate", "ref.mp4", "--out", "table", "--only", "whole,first-2s,first-10s", "--steps", 7)
    assert ran.code == 0, ran.err
    assert asked == [("whole", 120, Recipe(), 7), ("first-2s", 50, Recipe(), 7)]
    assert "first 10 s of the clip: the clip is too short" in ran.err
    table = (here / "table/ablation.md").read_text()
    assert "| whole method | 120 | 7 | 3 | 25 | 24 | 0.9 | 0.8 | 0.05 | 2 | - | 0.95 |" in table
    assert json.loads((here / "table/ablation.json").read_text())["rows"]["whole"]["figures"] == {
        **FIGURES,
        "head_iou": 0.95,
    }
    assert (here / "table/ablation.svg").read_text().startswith("<svg")
    assert not (here / "table/whole/training_state.safetensors").exists()
    assert cli("ablate", "ref.mp4", "--out", "table", "--only", "whole,first-2s", "--steps", 7).code == 0
    assert len(asked) == 2
    assert cli("ablate", "ref.mp4", "--out", "table", "--only", "whole", "--steps", 8).code == 0
    assert len(asked) == 3, "other settings are another run"


def test_an_unknown_variant_is_refused(cli, here, asked):
    ran = cli("ablate", "ref.mp4", "--out", "table", "--only", "magic")
    assert (ran.code, asked) == (2, [])
    assert "magic is no ablation" in ran.err
    with pytest.raises(InputError, match="--steps"):
        AblationSettings(here, here, steps=0)


def test_what_could_not_be_measured_is_a_dash():
    row = {"title": "x", "frames": 1, "steps": 2, "seconds": 3.4, "figures": {"psnr": 20.0}}
    assert as_markdown("clip", [row]).splitlines()[-1] == "| x | 1 | 2 | 3 | 20 | - | - | - | - | - | - | - |"
    assert adapt_ablation.COLUMNS[0] == "psnr"
