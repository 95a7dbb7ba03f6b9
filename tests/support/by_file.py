"""A scheduler of pytest-xdist that hands a test process files, not single tests."""

from typing import Any

from xdist.scheduler import LoadGroupScheduling


class ByFile(LoadGroupScheduling):  # type: ignore[misc]
    """Units of work are the tests of a group, or tests of one file that follow each other.

    With single tests, xdist counts what is pending the longer the more have run: four seconds for five thousand. The
    order stays pytest-django's, in which tests that empty the database come last.
    """

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        self._units: dict[str, str] = {}
        self._file, self._number = "", 0

    def _split_scope(self, nodeid: str) -> str:
        """Return the unit of a test. xdist asks for all of them in their order first."""
        unit = self._units.get(nodeid)
        if unit is None:
            unit = str(super()._split_scope(nodeid))
            if unit == nodeid:
                file = nodeid.partition("::")[0]
                if file != self._file:
                    self._file, self._number = file, self._number + 1
                unit = f"{self._number} {file}"
            self._units[nodeid] = unit
        return unit
