"""One effect of each override: many calls on a schedule of each kind, with the faults of the proof."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.edge import calls
from bench.edge.calls import DANA
from bench.edge.effects.responders import EACH
from bench.figures import Row, exactly
from bench.stack import Stack

# Hana is in no rotation of either schedule.
_HANA = "PUSER04"
# Kind in words → schedule, and where the sandbox keeps its overrides and custom shifts.
_SCHEDULES = {
    "layer-based": ("PSCHED02", ("overrides",)),
    "shift-based": ("PSHIFT0", ("override_shifts", "custom_shifts")),
}
_HOUR = timedelta(hours=1)


class Overrides:
    """The calls: each on an hour of its own, from tomorrow on, so that one override is the effect of each."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        tomorrow = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
        self._starts = [tomorrow + number * _HOUR for number in range(EACH)]

    def begin(self, seed: dict[str, Any]) -> None:
        for schedule, _ in _SCHEDULES.values():
            inputs = (
                {
                    "from": DANA,
                    "schedule_id": schedule,
                    "user_id": _HANA,
                    "start": start.isoformat(),
                    "duration_minutes": 60,
                }
                for start in self._starts
            )
            calls.begin(self._stack, seed, "create-override", inputs)

    def figures(self, kind: str) -> list[Row]:
        rows = []
        for words, (schedule, stores) in _SCHEDULES.items():
            made = Counter(start for store in stores for start in self._of_store(schedule, store))
            wrong = sum(made[start] != 1 for start in self._starts) + (made.total() - EACH)
            middles = [(start + _HOUR / 2).isoformat() for start in self._starts]
            seen = self._stack.sandbox("POST", f"schedules/{schedule}/on_call", {"at": middles})["on_call"]
            of = f"{kind}: {words} overrides of {EACH}"
            rows += [
                exactly(f"{of} with another number of effects than one", 0, wrong),
                exactly(f"{of} without Hana alone on call", 0, sum(users != [_HANA] for users in seen)),
            ]
        return rows

    def _of_store(self, schedule: str, store: str) -> list[datetime]:
        """Return when the overrides or custom shifts of the schedule begin."""
        found = self._stack.theirs(f"SELECT body FROM docs WHERE kind = '{store}' AND id = '{schedule}'")
        rows = json.loads(found[0][0])["rows"] if found else []
        return [datetime.fromisoformat(row.get("start") or row["start_time"]) for row in rows]
