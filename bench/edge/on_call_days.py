"""`python -m bench.edge.on_call_days SANDBOX CONNECTION DAYS INSTANTS`: watch a schedule of each kind, time run fast.

The clocks of Europe change in the middle. Schedules are edited, overridden and upgraded on the way. What is told is
compared with what the sandbox's definitions say, minute by minute. Print the outcome as JSON on the last line.
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

import requests  # noqa: E402 - models need a set-up Django
import time_machine  # noqa: E402
from django.conf import settings  # noqa: E402

from connections.grants import tokens  # noqa: E402
from connections.models import Connection, Grant  # noqa: E402
from connections.tenancy.actor import Actor  # noqa: E402
from core.db import clock, tenant_scope  # noqa: E402
from pagerduty_app.actions import ACTIONS  # noqa: E402
from pagerduty_app.client import Api  # noqa: E402
from workflows.calls.context import Caller  # noqa: E402
from workflows.models import ActionCall, Event, Watch  # noqa: E402
from workflows.triggers import lifecycle, polling  # noqa: E402

LAYERS, SHIFTS = "PSCHED02", "PSHIFT0"
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
# Summer time begins.
CHANGE = datetime(2027, 3, 28, 1, tzinfo=UTC)
UPGRADE = CHANGE + 12 * _HOUR
_ZONE = "Europe/Berlin"
_PEOPLE = [f"PUSER0{number}" for number in range(5)]
Users = list[str]
Change = tuple[datetime, Users, Users]


def _event(
    first: datetime, hours: int, users: Users, *recurrence: str, every: bool = False
) -> dict[str, Any]:
    times = {"start": str(first), "end": str(first + hours * _HOUR), "time_zone": _ZONE}
    return {**times, "recurrence": ["RRULE:FREQ=DAILY", *recurrence], "users": users, "every": every}


def _definitions(begin: datetime) -> list[tuple[str, str, dict[str, Any]]]:
    nine = begin - timedelta(days=2) + 8 * _HOUR  # in Berlin, in winter
    rotations = [
        [_event(nine, 8, _PEOPLE[:2])],
        [_event(nine + 8 * _HOUR, 16, _PEOPLE[2:4], "EXDATE:20270328T170000")],  # a night without anybody
        [_event(nine + 3 * _HOUR, 2, [_PEOPLE[1], _PEOPLE[4]], every=True)],
    ]
    layers = {"start": str(nine), "turn_seconds": 86_400, "time_zone": _ZONE, "users": _PEOPLE[:3]}
    return [(LAYERS, "", layers), (SHIFTS, "", {"rotations": rotations})]


def _cover(user: int, start: datetime, hours: float) -> dict[str, Any]:
    return {"user": _PEOPLE[user], "start": str(start), "end": str(start + hours * _HOUR)}


# When, which schedule, what of it, and how it is changed. An edit of the layers counts for the past, too, so that none
# is made just when users change.
EDITS: list[tuple[datetime, str, str, dict[str, Any]]] = [
    (CHANGE - 12 * _HOUR, LAYERS, "/overrides", _cover(4, CHANGE - 10 * _HOUR, 5)),
    (CHANGE - 3 * _HOUR, SHIFTS, "/overrides", _cover(4, CHANGE - 3 * _HOUR, 5)),
    (CHANGE + 4 * _HOUR, LAYERS, "", {"users": []}),
    (CHANGE + 5 * _HOUR, LAYERS, "", {"users": _PEOPLE[:3]}),
    (CHANGE + 8 * _HOUR, SHIFTS, "/custom_shifts", _cover(3, CHANGE + 9 * _HOUR, 3.5)),
    (UPGRADE, LAYERS, "/upgrade", {"at": str(UPGRADE)}),
    (UPGRADE + 4 * _HOUR, LAYERS, "/custom_shifts", _cover(3, UPGRADE + 5 * _HOUR, 9)),
    (UPGRADE + 8 * _HOUR, LAYERS, "/overrides", _cover(4, UPGRADE + 10 * _HOUR, 1)),
]


class Days:
    """The days of both schedules: truth from the sandbox, and what the product tells of them."""

    def __init__(self, sandbox_url: str, connection: Connection, days: int, instants: int) -> None:
        self.url, self.connection, self.instants = sandbox_url, connection, instants
        self.begin = CHANGE.replace(hour=0) - timedelta(days=days // 2)
        self.end = self.begin + timedelta(days=days)
        self.http = requests.Session()
        self.http.trust_env = False
        self.truth: dict[str, list[tuple[datetime, Users]]] = {LAYERS: [], SHIFTS: []}
        self.told: dict[str, list[tuple[datetime, Change]]] = {LAYERS: [], SHIFTS: []}
        self.wrong = 0
        self._seen = 0
        self._random = Random(2027)

    def control(self, schedule: str, path: str, body: dict[str, Any]) -> Any:
        url = f"{self.url}/_sandbox/schedules/{schedule}{path}"
        answer = self.http.post(url, json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def on_call(self, schedule: str, moments: list[datetime]) -> list[Users]:
        found: list[Users] = self.control(schedule, "/on_call", {"at": [str(at) for at in moments]})[
            "on_call"
        ]
        return found

    def run(self) -> None:
        for schedule, path, body in _definitions(self.begin):
            self.control(schedule, path, body)
        with time_machine.travel(self.begin, tick=False):
            for schedule in self.truth:
                lifecycle.create(
                    actor=Actor.system("bench"),
                    connection=self.connection,
                    key="pagerduty/on-call-changed",
                    name=schedule,
                    options={"schedule_id": schedule},
                )
        now = self.begin
        for at, schedule, path, body in [*EDITS, (self.end, "", "", {})]:
            self._until(now, at)
            if path == "/upgrade" or at == self.end:
                self._ask_at_random(self.instants // 2)
            if schedule:
                self.control(schedule, path, body)
            now = at

    def _until(self, begin: datetime, end: datetime) -> None:
        """Poll whenever it is due, until the next edit, and take down the truth of each minute."""
        minutes = [begin + number * _MINUTE for number in range(int((end - begin) / _MINUTE))]
        for schedule, known in self.truth.items():
            known.extend(zip(minutes, self.on_call(schedule, minutes), strict=True))
        while (due := max(begin, _next_look())) < end:
            with time_machine.travel(due, tick=False):
                if not polling.look_due(time.monotonic() + 60)[0]:
                    raise RuntimeError(f"nothing was due at {due}")
                self._take_down(due)

    def _take_down(self, now: datetime) -> None:
        for event in Event.objects.filter(seq__gt=self._seen).order_by("seq"):
            self._seen = event.seq
            data = event.payload["event"]["data"]
            before, after = ([user["id"] for user in data[side]] for side in ("users_before", "users_now"))
            change = (datetime.fromisoformat(data["at"]), before, after)
            self.told[data["schedule"]["id"]].append((now, change))

    def _ask_at_random(self, count: int) -> None:
        """Compare get-on-call with the truth, half for each schedule."""
        api = Api(settings.PAGERDUTY_API_URL, tokens.access_token(self.connection), lambda: None)
        caller = Caller(ActionCall(), "", sent_before=False, until=math.inf)
        seconds = int((self.end - self.begin).total_seconds())
        for schedule in self.truth:
            moments = [
                self.begin + timedelta(seconds=self._random.randrange(seconds)) for _ in range(count // 2)
            ]
            for at, users in zip(moments, self.on_call(schedule, moments), strict=True):
                given = {"schedule_id": schedule, "at": at}
                answer = ACTIONS["pagerduty/get-on-call"].perform(api, given, caller)
                self.wrong += sorted(user["id"] for user in answer["users"]) != users

    def outcome(self) -> dict[str, Any]:
        """Compare what was told with the truth: a hand-over of the same users, within an hour of when it happened."""
        missed: list[str] = []
        false: list[str] = []
        true, told, latest = 0, 0, timedelta(0)
        for schedule, known in self.truth.items():
            wanted, found = list(_changes(known)), list(self.told[schedule])
            true, told = true + len(wanted), told + len(found)
            for at, before, after in wanted:
                fitting = [
                    (when, change)
                    for when, change in found
                    if change[1:] == (before, after) and abs(change[0] - at) < _HOUR
                ]
                if not fitting:
                    missed.append(f"{schedule} {at:%d %H:%M} {before} to {after}")
                    continue
                when, change = fitting[0]
                found.remove(fitting[0])
                latest = max(latest, when - at, abs(change[0] - at))
            false += [f"{schedule} {when:%d %H:%M}: {at:%d %H:%M} {a} to {b}" for when, (at, a, b) in found]
        minutes = latest / _MINUTE
        return {
            "true": true,
            "told": told,
            "missed": missed,
            "false": false,
            "latest_minutes": minutes,
            "wrong": self.wrong,
        }


def _next_look() -> datetime:
    return Watch.objects.order_by("next_look_at").values_list("next_look_at", flat=True)[0]


def _changes(known: list[tuple[datetime, Users]]) -> Iterator[Change]:
    for (_, before), (at, now) in pairwise(known):
        if before != now:
            yield at, before, now


@tenant_scope.unscoped()
def main() -> None:
    sandbox_url, some_id, *numbers = sys.argv[1:]
    # The time is this process's own, as in tests.
    clock._known, clock.learn = None, lambda at, asked: True
    connection = Connection.objects.select_related("grant", "workspace").get(pk=some_id)
    Grant.objects.filter(connection=connection).update(
        expires_at=CHANGE + timedelta(days=99), next_refresh_at=CHANGE + timedelta(days=99)
    )
    days = Days(sandbox_url, connection, *map(int, numbers))
    days.run()
    print(json.dumps(days.outcome()))


if __name__ == "__main__":
    main()
