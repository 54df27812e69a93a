"""The bench of the portrait's ablations says of each variant whether it is worse where the paper has it worse."""

from bench.portrait_ablations import WORSE_IN, ablation_figures
from mimictalk.training_ablation import VARIANTS

WHOLE = {"psnr_box": 20.0, "psnr_moved": 21.0, "jitter": 0.2, "torso_psnr": 30.0}


def test_a_variant_is_judged_by_what_it_lacks():
    rows = {
        "full": WHOLE,
        "no-laplacian": WHOLE | {"jitter": 0.3, "torso_psnr": 35.0},
        "concat": WHOLE | {"torso_psnr": 31.0},
    }
    figures = {
        one["name"]: one for one in ablation_figures({VARIANTS[key].name: row for key, row in rows.items()})
    }
    assert figures["no-laplacian/jitter"]["holds"] is True
    assert figures["no-laplacian/torso_psnr"]["holds"] is None  # not what the loss is for
    assert figures["no-laplacian/torso_psnr"]["baseline"] == 30.0
    assert figures["concat/torso_psnr"]["holds"] is False
    assert "narrow/psnr_box" not in figures  # was not trained
    assert figures["full/jitter"]["value"] == 0.2


def test_every_variant_of_the_command_is_judged():
    assert set(WORSE_IN) == set(VARIANTS) - {"full"}
