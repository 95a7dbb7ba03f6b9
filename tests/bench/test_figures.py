"""What the proofs say of what they measured."""

import pytest

from bench import figures


@pytest.mark.parametrize(
    ("values", "percent", "wanted"),
    [
        ([3.0], 50, 3.0),
        ([3.0], 99, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
        ([float(number) for number in range(1, 201)], 99, 198.0),
        ([1.0] * 98 + [9.0, 9.0], 99, 9.0),
    ],
)
def test_a_percentile_is_one_of_the_values_that_so_many_do_not_exceed(
    values: list[float], percent: float, wanted: float
) -> None:
    assert figures.percentile(values, percent) == wanted


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="nothing"):
        figures.percentile([], 50)


def test_a_promise_is_kept_up_to_its_figure_and_no_further() -> None:
    assert figures.at_most("x", 50, 50.0, "ms") == {
        "name": "x",
        "wanted": 50,
        "got": 50.0,
        "unit": "ms",
        "ok": True,
        "exact": False,
    }
    assert figures.at_most("x", 50, 50.1, "ms")["ok"] is False
    assert figures.at_least("x", 300, 300.0, "runs/s")["ok"] is True
    assert figures.at_least("x", 300, 299.9, "runs/s")["ok"] is False
    assert figures.exactly("x", 0, 1)["exact"] is True
