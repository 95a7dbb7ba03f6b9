"""`python -m bench.edge.clients SANDBOX CONNECTION INCIDENT CALLS TURNS LISTED LISTINGS`: three clients, turn by turn.

Print {"a note, ms": {client: median turn}, "a listing, s": …}.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
django.setup()

import pagerduty  # noqa: E402
import requests  # noqa: E402

from connections.grants import tokens  # noqa: E402
from connections.models import Connection  # noqa: E402
from core.db import tenant_scope  # noqa: E402
from pagerduty_app.client import Api  # noqa: E402

DANA = "dana@acme.example"
_SERVICE = "PSVC02"
_ACCEPT = "application/vnd.pagerduty+json;version=2"


class Clients:
    """Three clients that write notes and list incidents, each on one kept connection."""

    def __init__(self, url: str, token: str, incident: str) -> None:
        self.url, self.incident = url, incident
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Authorization": f"Bearer {token}", "Accept": _ACCEPT})
        self.api = Api(url, token, lambda: None)
        self.theirs = pagerduty.RestApiV2Client(token, auth_type="bearer", trust_env=False)
        self.theirs._url = url  # its constructor refuses http://

    def notes(self) -> dict[str, Callable[[], object]]:
        path, note = f"/incidents/{self.incident}/notes", {"note": {"content": "Look"}}
        headers = {"From": DANA}
        return {
            "requests": lambda: self.session.post(
                self.url + path, json=note, headers=headers, timeout=10
            ).json(),
            "ours": lambda: self.api.create_note(DANA, self.incident, "Look"),
            "pagerduty": lambda: self.theirs.rpost(path, json={"content": "Look"}, headers=headers),
        }

    def listings(self) -> dict[str, Callable[[], int]]:
        wanted = {"service_ids": [_SERVICE]}
        theirs = {"service_ids[]": [_SERVICE], "date_range": "all"}
        return {
            "requests": self._by_offset,
            "ours": lambda: sum(len(page) for page in self.api.all_incidents(wanted, None, None)),
            "pagerduty": lambda: len(list(self.theirs.iter_all("incidents", params=theirs))),
        }

    def _by_offset(self) -> int:
        offset, more = 0, True
        while more:
            query: dict[str, str | int] = {
                "service_ids[]": _SERVICE,
                "date_range": "all",
                "limit": 100,
                "offset": offset,
            }
            page = self.session.get(f"{self.url}/incidents", params=query, timeout=10).json()
            offset, more = offset + len(page["incidents"]), page["more"]
        return offset


def side_by_side(ways: Mapping[str, Callable[[], object]], times: int, turns: int) -> dict[str, float]:
    """Return the seconds of one call for each way: the median over its turns.

    The ways take turns, each time in another order, so that changes of the machine's speed affect all of them.
    """
    order, took = list(ways), {name: list[float]() for name in ways}
    for _ in range(turns):
        for name in order:
            began = time.perf_counter()
            for _ in range(times):
                ways[name]()
            took[name].append((time.perf_counter() - began) / times)
        order.append(order.pop(0))
    return {name: statistics.median(turn) for name, turn in took.items()}


@tenant_scope.unscoped()
def main() -> None:
    url, connection, incident, *numbers = sys.argv[1:]
    calls, turns, listed, listings = map(int, numbers)
    clients = Clients(url, tokens.access_token(Connection.objects.get(pk=connection)), incident)
    for name, act in clients.listings().items():
        if (found := act()) < min(listed, 10_000):
            raise SystemExit(f"{name} listed {found} of {listed}")
    notes = {name: took * 1000 for name, took in side_by_side(clients.notes(), calls, turns).items()}
    print(json.dumps({"a note, ms": notes, "a listing, s": side_by_side(clients.listings(), 1, listings)}))


if __name__ == "__main__":
    main()
