"""Costs of training against cases worked out by hand, and counts against published ones."""

import json

import pytest

import plan_training
from scaling.operations import count_recipe, portrait_parts
from scaling.training_cost import Rates, Run, training_cost


def test_a_cost_by_hand() -> None:
    run = Run(steps=3600, batch=8, trained=25_000_000, parameters=100_000_000, frames=2)
    rates = Rates(devices=4, item_s=0.5, link_mb_s=150, price=2.0, frame_bytes=10_000, hours=1000)
    cost = training_cost(run, rates)
    # Two items of 0.5 s; 2 * 3/4 * 100 MB sent at 150 MB/s: another second.
    assert cost.step_s == pytest.approx(2.0)
    assert cost.exchange_share == pytest.approx(0.5)
    assert (cost.hours, cost.device_hours, cost.price) == pytest.approx((2.0, 8.0, 16.0))
    assert cost.exchanged_gb == pytest.approx(0.15)
    assert cost.read_mb_s == pytest.approx(8 * 2 * 0.01 / 2.0)
    assert cost.shards_tb == pytest.approx(0.9)  # 90 million frames
    assert cost.state_gb == pytest.approx(0.7)  # 100 M weights, 3 * 25 M more
    parts = training_cost(Run(3600, 8, 25_000_000, 100_000_000, 2, "fsdp"), rates)
    assert parts.exchanged_gb == pytest.approx(2 * 3 * 0.75 * 0.1)
    alone = training_cost(run, Rates(1, 0.5, 150, 2.0, 0, 0))
    assert (alone.step_s, alone.exchanged_gb) == (4.0, 0.0)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="batch of 8 cannot be shared evenly by 3"):
        training_cost(Run(1, 8, 1, 1, 1), Rates(3, 1, 1, 0, 0, 0))
    with pytest.raises(ValueError, match=r"Rates.item_s must be above 0, got 0"):
        Rates(1, 0, 1, 0, 0, 0)


def test_counts_are_the_published_ones() -> None:
    """Real3D-Portrait's networks, counted on its own code: image-to-plane with plane2grid 1369.4 GFLOP, the
    motion adapter 160.5, the renderer's network 13.1."""
    from portrait3d.full.config import FullConfig

    parts = portrait_parts(FullConfig())
    assert parts["image to plane"] == pytest.approx(1369.4e9, rel=0.02)
    assert parts["motion"] == pytest.approx(160.5e9, rel=0.02)
    assert parts["renderer"] == pytest.approx(13.1e9, rel=0.01)


def test_plans_of_the_published_recipes(capsys, tmp_path) -> None:
    given = ["--operations-per-second", "1e13", "--devices", "1", "8", "--link-mb-s", "100000"]
    plan_training.main(["full_motion", *given, "--json"])
    one, eight = json.loads(capsys.readouterr().out)
    assert one["device_hours"] <= eight["device_hours"] and one["hours"] > 7 * eight["hours"]
    counted = count_recipe(plan_training.read_recipe("full_motion"))
    assert one["hours"] * 3600 == pytest.approx(250_000 * 8 * counted.operations / 1e13)
    for recipe in ("full_i2p", "full_a2m", "full_a2m_vae"):
        plan_training.main([recipe, "--operations-per-second", "1e13"])
        assert "G operations per item" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        plan_training.main(["full_motion", "--operations-per-second", "1e13", "--devices", "8"])
    assert "give --link-mb-s" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="full_torso: only i2p, motion, a2m and a2m-vae"):
        plan_training.main(["full_torso", "--operations-per-second", "1e13"])


def test_a_measured_run_gives_the_time_of_an_item(tmp_path, capsys) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"steps": 30, "resumed_at": 10, "seconds": 80.0}))
    plan_training.main(["small_i2p", "--run", str(facts), "--json"])  # 1500 steps of 2 items
    (cost,) = json.loads(capsys.readouterr().out)
    assert cost["step_s"] == pytest.approx(4.0) and cost["hours"] == pytest.approx(1500 * 4 / 3600)
    facts.write_text(json.dumps({"steps": 10, "resumed_at": 10, "seconds": 0.1}))
    with pytest.raises(SystemExit, match="no step was made"):
        plan_training.main(["small_i2p", "--run", str(facts)])


def test_the_size_of_a_frame_is_measured(tmp_path) -> None:
    from talk_training import shards

    folder = shards(tmp_path, frames=40)  # of 40, 41 and 42 frames
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert plan_training.measured_frame_bytes(folder) == pytest.approx(size / 123)
