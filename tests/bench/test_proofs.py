"""Proofs are collected: which ran beside which, and what is left of one that raised."""

from typing import Any

import pytest

from bench import figures, proofs
from bench.chaos import __main__ as chaos


def _ends(port: int) -> list[figures.Row]:
    return [figures.exactly(f"port {port}", 0, 0)]


def _raises(port: int) -> list[figures.Row]:
    raise TimeoutError(f"port {port} waited")


def test_of_two_beside_each_other_one_that_raises_is_named_and_the_other_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chaos, "_PROOFS", {"raises": _raises, "ends": _ends})

    rows = chaos._beside_each_other(("raises", "ends"))

    assert [(row["name"], row["ok"]) for row in rows] == [
        ("raises: came to its end", False),
        (f"port {chaos._PORT + 20}", True),
    ]
    assert "waited" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("groups", "left_out"), [(chaos._SHORT, ["kills-slow-sqlite"]), (chaos._LONG, [])], ids=["short", "long"]
)
def test_every_proof_is_in_one_group(groups: list[Any], left_out: list[str]) -> None:
    assert sorted([*left_out, *(name for names in groups for name in names)]) == sorted(chaos._PROOFS)


def test_a_file_is_written_and_a_missed_figure_ends_with_an_error(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "ROOT", tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    assert proofs.run({"a": lambda: _ends(1), "b": lambda: _raises(2)}, ["a"], "x.json") == 0
    assert proofs.run({"a": lambda: _ends(1), "b": lambda: _raises(2)}, [], "x.json") == 1
    assert '"b: came to its end"' in (tmp_path / "var" / "x.json").read_text()
    assert proofs.run({"a": lambda: _ends(1)}, ["c"], "x.json") == 2


@pytest.mark.parametrize(
    ("first", "runs", "code"),
    [
        (figures.at_most("slow for a minute", 1, 2, "s"), 2, 0),
        (figures.exactly("events lost", 0, 1), 1, 1),
        (figures.at_most("in time", 1, 1, "s"), 1, 0),
    ],
    ids=["bound", "count", "kept"],
)
def test_a_missed_bound_is_measured_a_second_time_and_a_missed_count_is_not(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, first: figures.Row, runs: int, code: int
) -> None:
    monkeypatch.setattr(proofs, "ROOT", tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    seen = iter([first, figures.at_most("slow for a minute", 1, 1, "s")])
    asked: list[figures.Row] = []

    def proof() -> list[figures.Row]:
        asked.append(next(seen))
        return asked[-1:]

    assert proofs.run({"a": proof}, [], "x.json") == code
    assert len(asked) == runs
