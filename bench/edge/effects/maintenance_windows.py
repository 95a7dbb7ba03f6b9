"""One effect of each maintenance window: pairs of equal calls, with the faults of the proof."""

import json
from collections import Counter
from typing import Any

from bench.edge import calls
from bench.edge.calls import DANA
from bench.edge.effects.responders import EACH
from bench.figures import Row, exactly
from bench.stack import Stack

_SERVICES = ("PSVC00", "PSVC01", "PSVC02", "PSVC03")
_MINUTES = 600
# Calls that are equal, and so can be told apart only by their results.
_EQUAL = 2


class Windows:
    """The calls: each two of them have the same service, length and description, and begin now."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._descriptions = [f"Upgrade {number}" for number in range(EACH // _EQUAL)]

    def begin(self, seed: dict[str, Any]) -> None:
        inputs = [
            {
                "from": DANA,
                "service_ids": [_SERVICES[number % len(_SERVICES)]],
                "duration_minutes": _MINUTES,
                "description": description,
            }
            for number, description in enumerate(self._descriptions)
            for _ in range(_EQUAL)
        ]
        calls.begin(self._stack, seed, "create-maintenance-window", inputs)

    def figures(self, kind: str) -> list[Row]:
        rows = self._stack.theirs("SELECT id, body FROM docs WHERE kind = 'maintenance_window'")
        made = Counter(json.loads(body)["description"] for _, body in rows)
        wrong = sum(made[description] != _EQUAL for description in self._descriptions)
        told = {_id_of(output) for output in self._outputs()}
        of = f"{kind}: maintenance windows of {EACH} calls, in pairs of equal ones"
        return [
            exactly(of, EACH, made.total()),
            exactly(f"{of}: pairs with another number of windows than {_EQUAL}", 0, wrong),
            exactly(f"{of}: different ones that the calls returned", EACH, len(told)),
        ]

    def _outputs(self) -> list[Any]:
        sql = "SELECT output FROM workflows_actioncall WHERE action = 'pagerduty/create-maintenance-window'"
        return [json.loads(row) if isinstance(row, str) else row for (row,) in self._stack.rows(sql)]


def _id_of(output: Any) -> Any:
    return output["maintenance_window"]["id"] if output else None
