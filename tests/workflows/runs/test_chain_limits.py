"""Loops stay small: a workflow does not begin again in its chain, and a chain has at most twenty runs."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import responses
from django.db import connections as databases
from django.test import Client
from django.urls import reverse

from connections.models import Account, Connection, NotificationFact, Workspace
from core.db import tenant_scope
from tests.factories import API, DANA, SECRET, SYSTEM, Ask, connect, note_step, people, publish
from tests.scenarios.test_loops import note_event, now_event
from tests.support.browser import signed_in, text
from workflows import worker
from workflows.engine import fanout
from workflows.engine.leases import EventLease
from workflows.formatting import chain_reasons
from workflows.inbox import secrets
from workflows.models import Event, Run, Trigger, Workflow
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
Notes = list[str]


def listening(connection: Connection, workflows: int) -> Trigger:
    """A trigger for notes with workflows that answer each note with a note of their own."""
    trigger = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-note-added", name="Notes"
    )
    secrets.add_secret(actor=SYSTEM, trigger=trigger, secret=SECRET)
    for number in range(workflows):
        content = f"{connection.label} {number}: {{{{ trigger.note.content }}}}"
        answer = {"from": DANA, "incident_id": "{{ trigger.incident.id }}", "content": content}
        publish(trigger, connection, steps=[note_step(connection, input=answer)])
    return trigger


@pytest.fixture
def written(pagerduty: responses.RequestsMock) -> Notes:
    notes: Notes = []

    def write(request: Any) -> tuple[int, dict[str, str], str]:
        notes.append(json.loads(request.body)["note"]["content"])
        return 201, {}, json.dumps({"note": {"id": f"PN{len(notes)}", "content": notes[-1]}})

    pagerduty.add_callback("POST", f"{API}/incidents/PINC1/notes", callback=write)
    return notes


def tell(deliver: Callable[..., Any], written: Notes, to: list[Trigger], note: str) -> None:
    """A person's note, and then each note that is written, to every trigger, as PagerDuty delivers them."""
    told, texts = len(written), [note]
    while texts:
        for content in texts:
            payload = note_event(content)
            for trigger in to:
                deliver(payload, to=trigger)
        worker.drain()
        texts, told = written[told:], len(written)
        assert told < 200


def test_two_workflows_that_answer_notes_with_notes_answer_each_other_once(
    deliver: Any, connection: Connection, written: Notes
) -> None:
    trigger = listening(connection, 2)

    tell(deliver, written, [trigger], "Who is on it?")
    assert sorted(run.depth for run in Run.objects.all()) == [0, 0, 1, 1]

    tell(deliver, written, [trigger], "I am")
    assert sorted(run.depth for run in Run.objects.all()) == [0, 0, 0, 0, 1, 1, 1, 1]
    assert set(Workflow.objects.values_list("status", flat=True)) == {"active"}
    assert len(set(Run.objects.values_list("chain", flat=True))) == 2


@pytest.mark.slow  # forty runs and their notes
def test_two_agencies_with_two_workflows_each_stay_below_twenty_runs_a_note(
    ask: Ask, deliver: Any, connection: Connection, written: Notes
) -> None:
    other = Workspace.objects.create(account=Account.objects.create(name="Other"), name="Theirs")
    to = [listening(connection, 2), listening(connect(other, "Theirs"), 2)]

    tell(deliver, written, to, "Who is on it?")
    assert Run.objects.count() == chain_reasons.MAX_RUNS
    assert len(set(Run.objects.values_list("chain", flat=True))) == 1
    assert not Run.objects.filter(status="cancelled").exists()

    tell(deliver, written, to, "I am")
    assert Run.objects.count() == 2 * chain_reasons.MAX_RUNS
    assert Run.objects.filter(depth=0).count() == 8
    assert set(Workflow.objects.values_list("status", flat=True)) == {"active"}
    codes = {
        kept["code"]
        for event in ask("get", "events/?limit=200").json()["results"]
        for kept in event["not_started"]
    }
    assert codes == {"already_in_chain", "chain_limit"}
    kept = [one for event in Event.objects.all() for one in event.not_started or []]
    told = set(NotificationFact.objects.filter(kind="chain_ended").values_list("group", flat=True))
    assert told == {one["workflow"] for one in kept if one["code"] == "chain_limit"}


def test_the_page_of_a_delivery_says_what_was_not_started_and_why(deliver: Any, written: Notes) -> None:
    who = people()
    trigger = listening(connect(who.acme), 1)
    tell(deliver, written, [trigger], "Who is on it?")
    bob: Client = signed_in(who.bob)
    first, echo = Event.objects.order_by("seq")

    def page(event: Event) -> str:
        return text(bob.get(reverse("triggers:delivery", args=[trigger.pk, event.id])))

    assert "this workflow is already part of this chain" in page(echo)
    assert "already part of this chain" not in page(first)


def test_an_event_that_starts_thirty_workflows_starts_them_all(
    deliver: Any, trigger: Trigger, connection: Connection
) -> None:
    for _ in range(30):
        publish(trigger, connection)
    deliver(now_event())

    fanout.fan_out_due()

    assert Run.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_moment_do_not_exceed_the_limit(
    deliver: Any, connection: Connection, written: Notes
) -> None:
    """Fifteen runs are there, and five are left for two events of the chain that would start four each."""
    trigger = listening(connection, 1)
    tell(deliver, written, [trigger], "Who is on it?")
    first = Run.objects.get()
    copies = [
        Run(
            workspace=first.workspace,
            workflow=first.workflow,
            version=first.version,
            event=first.event,
            lane=first.lane,
            replay=number,
            status="completed",
            chain=first.chain,
        )
        for number in range(1, 15)
    ]
    Run.objects.bulk_create(copies)
    for _ in range(2):
        deliver(note_event(written[0]), to=listening(connection, 4))
    events = list(Event.objects.filter(status="queued").select_related("trigger__connection"))
    both = threading.Barrier(2, timeout=10)

    @tenant_scope.unscoped()
    def fan_out(event: Event) -> None:
        both.wait()
        try:
            lease = EventLease.claim(event)
            assert lease is not None
            fanout._fan_out(lease)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=fan_out, args=[event]) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Run.objects.filter(chain=first.chain).count() == chain_reasons.MAX_RUNS
    assert (
        sum(
            len(event.not_started or [])
            for event in Event.objects.filter(pk__in=[event.pk for event in events])
        )
        == 3
    )
