"""kill -9 of the workers while events are being handled: nothing lost, nothing twice, nothing out of order."""

import json
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests

from pagerduty_app import signatures
from tests.flows.running import Product, wait_for

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("kill")]

INCIDENTS, EVENTS_EACH, KILLS = 20, 10, 3
EVENTS = INCIDENTS * EVENTS_EACH


def _workflow(product: Product, seed: dict[str, Any], name: str) -> None:
    body = {
        "name": name,
        "trigger": seed["triggers"]["pagerduty/incident-triggered"]["id"],
        "steps": [
            {
                "key": "note",
                "connection": seed["connection"],
                "action": "pagerduty/create-incident-note",
                "input": {
                    "from": "dana@acme.example",
                    "incident_id": "{{ trigger.incident.id }}",
                    "content": "{{ trigger.incident.title }}",
                },
            }
        ],
        "publish": True,
    }
    answer = product.api(seed["api_key"], "POST", "workflows/", body)
    assert answer.status_code == 201, answer.text


def _send(trigger: dict[str, str], incident: str) -> None:
    """The events of one incident, one after the other as PagerDuty sends them, some of them twice."""
    session = requests.Session()
    session.trust_env = False
    for number in range(EVENTS_EACH):
        data = {"id": incident, "type": "incident", "title": f"{number}"}
        event = {"id": f"{incident}-{number}", "event_type": "incident.triggered", "data": data}
        body = json.dumps({"event": event}).encode()
        headers = {"X-PagerDuty-Signature": signatures.sign(body, trigger["secret"])}
        for _ in range(2 if number % 5 == 0 else 1):
            assert session.post(trigger["url"], data=body, headers=headers, timeout=10).status_code == 202


def test_200_events_and_three_kills_make_each_run_and_each_note_exactly_once(product: Product) -> None:
    seed = product.seed()
    for name in ("first", "second"):
        _workflow(product, seed, name)
    account = next(row["id"] for row in product.sandbox.store.all("account") if row["subdomain"] == "acme")
    service = product.sandbox.store.all("service", account)[0]["id"]
    incidents = [product.sandbox.incidents.insert(account, service)["id"] for _ in range(INCIDENTS)]
    product.sandbox.rate_limit.per_minute = 1_000_000
    notes, chance = "SELECT COUNT(*) FROM docs WHERE kind = 'note'", random.Random(7)

    def are_written(count: int) -> bool:
        return bool(product.sandbox.store.rows(notes)[0][0] >= count)

    with ThreadPoolExecutor(8) as senders:
        sent = [
            senders.submit(_send, seed["triggers"]["pagerduty/incident-triggered"], incident)
            for incident in incidents
        ]
        for number in range(KILLS):
            reached = number * 100 + chance.randrange(10, 60)
            wait_for(f"{reached} notes", partial(are_written, reached))
            wait_for("a worker to kill", lambda: product.kill_child("qcluster"))
        for sending in sent:
            sending.result()

    unfinished = (
        "SELECT (SELECT COUNT(*) FROM workflows_event WHERE status = 'queued')"
        " + (SELECT COUNT(*) FROM workflows_run WHERE finished_at IS NULL)"
    )
    wait_for("everything to be done", lambda: product.database.rows(unfinished)[0][0] == 0, 100)

    rows = product.database.rows
    assert rows("SELECT COUNT(*) FROM workflows_event WHERE status = 'done'") == [(EVENTS,)]
    per_workflow = rows("SELECT COUNT(*) FROM workflows_run WHERE status = 'completed' GROUP BY workflow_id")
    assert per_workflow == [(EVENTS,), (EVENTS,)]
    started: dict[tuple[Any, Any], list[str]] = defaultdict(list)
    for workflow, lane, external_id in rows(
        "SELECT run.workflow_id, run.lane, event.external_id FROM workflows_run run"
        " JOIN workflows_event event ON event.seq = run.event_id ORDER BY run.started_at, run.seq"
    ):
        started[workflow, lane].append(external_id)
    for (_, lane), order in started.items():
        assert order == [f"{lane}-{number}" for number in range(EVENTS_EACH)]
    for incident in incidents:
        titles = sorted(note["content"] for note in product.sandbox.incidents.notes(account, incident))
        assert titles == sorted([str(number) for number in range(EVENTS_EACH)] * 2)
    figures = product.http.get(f"{product.url}/metrics", timeout=10).text
    for counted in (f'verdict="accepted"}} {EVENTS}.0', f'verdict="duplicate"}} {EVENTS // 5}.0'):
        assert f"taskjuice_deliveries_total{{{counted}" in figures, "of all web processes together"
