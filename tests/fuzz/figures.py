"""Figures of a fuzz test: checked here, and written where FUZZ_FIGURES says, for `make fuzz` to collect."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from bench.figures import Row, at_least, at_most, exactly


class Noted:
    """The figures of one test; a context manager that writes them down at its end."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if path := os.environ.get("FUZZ_FIGURES"):
            with Path(path).open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in self._rows)

    def _note(self, row: Row) -> None:
        self._rows.append(row)
        assert row["ok"], row

    def exactly(self, name: str, wanted: float, got: float) -> None:
        self._note(exactly(name, wanted, got))

    def at_most(self, name: str, wanted: float, got: float, unit: str) -> None:
        self._note(at_most(name, wanted, got, unit))

    @contextmanager
    def at_least(self, name: str, wanted: float, count: Callable[[], float]) -> Iterator[None]:
        """Notes how far it came also when what is inside fails; then the failure is what is raised."""
        try:
            yield
        except BaseException:
            self._rows.append(at_least(name, wanted, count(), "") | {"ok": False})
            raise
        self._note(at_least(name, wanted, count(), ""))
