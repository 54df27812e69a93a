"""docs/reliability.md is what the kept results say."""

import pytest

import reliability_page
from reliability_page import Row, bound, rows


def test_the_page_is_up_to_date():
    assert reliability_page.PAGE.read_text() == reliability_page.page(), (
        "run  python tools/reliability_page.py"
    )


def test_three_forms_of_results_are_read():
    promises = {"promises": [{"promise": "a", "tried": 10, "failed": 1}], "tried": 10, "failed": 1}
    figures = {
        "figures": [
            {"name": "found, scaled", "value": 0.98, "unit": "of 500"},
            {"name": "edits not noticed", "value": 2.0, "unit": "of 100"},
            {"name": "edits not noticed, rate below (95 %)", "value": 0.03, "unit": "share"},
            {"name": "never tried", "value": None, "unit": "of 0"},
        ]
    }
    assert list(rows(promises, "x")) == [Row("a", 10, 1)]
    assert list(rows(figures, "x")) == [Row("found, scaled", 500, 10), Row("edits not noticed", 100, 2)]
    assert list(rows({"tried": 60, "failed": 0}, "killed")) == [Row("killed", 60, 0)]


@pytest.mark.parametrize(
    ("tried", "failed", "words"),
    [(300, 0, "below 1.000%"), (3000, 0, "below 0.100%"), (100, 2, "2.00% seen"), (2, 0, "-"), (0, 0, "-")],
)
def test_the_bound_is_that_of_the_rule_of_three(tried, failed, words):
    assert bound(tried, failed) == words
