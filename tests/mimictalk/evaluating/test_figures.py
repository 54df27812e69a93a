"""Every measure is reported: with a value, or with the reason why there is none."""

import pytest

from mimictalk.evaluating.figures import MEASURES, Figure, complete


def test_all_measures_of_the_papers_are_there():
    papers = {"l1", "psnr", "ssim", "lpips", "fid", "csim", "aed", "apd", "akd", "lmd", "sync_confidence"}
    assert papers <= set(MEASURES)


def test_a_figure_has_a_value_or_a_reason():
    with pytest.raises(ValueError, match="either a value or a reason"):
        Figure("psnr", None)
    with pytest.raises(ValueError, match="either a value or a reason"):
        Figure("psnr", 1.0, "because")
    with pytest.raises(ValueError, match="no measure 'beauty'"):
        Figure("beauty", 1.0)


def test_what_is_not_a_number_is_no_value():
    entry = Figure("akd", float("nan")).as_json()
    assert entry["value"] is None
    assert entry["reason"] == "the measure is not defined here"


def test_none_is_dropped():
    found = {key: Figure(key, 1.0) for key in MEASURES}
    assert [figure.key for figure in complete(found, cross=False)] == list(MEASURES)
    del found["lmd"]
    with pytest.raises(ValueError, match="lmd was not measured and nothing says why"):
        complete(found, cross=False)


def test_across_identities_nothing_is_compared_with_another_persons_frames():
    found = {key: Figure(key, 1.0) for key, measure in MEASURES.items() if not measure.needs_truth}
    by_key = {figure.key: figure for figure in complete(found, cross=True)}
    assert by_key["psnr"].value is None
    assert "no true frame" in by_key["psnr"].reason
    assert {key for key, figure in by_key.items() if figure.value is not None} == set(found)
    assert {"csim", "fid", "aed", "apd"} <= set(found)
