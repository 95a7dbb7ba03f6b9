"""Workflows that start each other come to an end, in any workspaces; what a person does starts them anew."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.utils import timezone

from connections.models import Account, Connection, NotificationFact, Workspace
from tests.factories import API, DANA, SECRET, SYSTEM, Ask, connect, incident_event, note_step, publish
from tests.workflows.expressions.test_unknown_fields import create_step
from workflows import worker
from workflows.calls import loop_detection
from workflows.engine import fanout
from workflows.formatting import chain_reasons
from workflows.inbox import secrets
from workflows.models import Event, Run, Trace, Trigger, Workflow
from workflows.runs import replay
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


def now_event(*args: Any, **data: Any) -> dict[str, Any]:
    """An event of this moment."""
    payload = incident_event(*args, **data)
    payload["event"]["occurred_at"] = timezone.now().isoformat()
    return payload


def by(payload: dict[str, Any], user: str) -> dict[str, Any]:
    payload["event"]["agent"] = {"id": user, "type": "user_reference"}
    return payload


@pytest.fixture
def made(pagerduty: responses.RequestsMock) -> list[dict[str, Any]]:
    """The incidents that were created at PagerDuty."""
    incidents: list[dict[str, Any]] = []

    def create(request: Any) -> tuple[int, dict[str, str], str]:
        asked = json.loads(request.body)["incident"]
        incident = {"id": f"PMADE{len(incidents)}", "status": "triggered"} | asked
        incidents.append(incident)
        return 201, {}, json.dumps({"incident": incident})

    pagerduty.add_callback("POST", f"{API}/incidents", callback=create)
    return incidents


def echo(incident: dict[str, Any]) -> dict[str, Any]:
    return now_event(incident=incident["id"], incident_key=incident["incident_key"], title=incident["title"])


def play(deliver: Callable[..., Any], made: list[dict[str, Any]], to: list[Trigger], most: int = 300) -> None:
    """Deliver the event of each incident that is made to every trigger, as PagerDuty would."""
    told = 0
    worker.drain()
    while told < len(made) < most:
        payload = echo(made[told])
        for trigger in to:
            deliver(payload, to=trigger)
        told += 1
        worker.drain()


def test_a_workflow_does_not_start_itself_and_the_delivery_says_why(
    ask: Ask, deliver: Any, trigger: Trigger, connection: Connection, made: list[dict[str, Any]]
) -> None:
    workflow = publish(trigger, connection, steps=[create_step(connection)])
    deliver(now_event())

    play(deliver, made, [trigger])

    assert [(run.status, run.depth) for run in Run.objects.all()] == [("completed", 0)]
    echo_of_it, asked_for = ask("get", "events/").json()["results"]
    assert asked_for["not_started"] == []
    assert echo_of_it["not_started"] == [
        {
            "workflow": str(workflow.pk),
            "code": "already_in_chain",
            "message": chain_reasons.WORDS["already_in_chain"],
        }
    ]
    assert Workflow.objects.get().status == "active"


def relay(trigger: Trigger, connection: Connection, number: int) -> Workflow:
    """Opens “Link n+1” when “Link n” was opened."""
    step = create_step(connection)
    step["input"] = step["input"] | {"title": f"Link {number + 1}"}
    rows = [["trigger.incident.title", "equals", f"Link {number}"]]
    return publish(trigger, connection, steps=[step], conditions={"match": "all", "rows": rows})


def test_a_chain_of_different_workflows_goes_on_to_depth_five_and_says_why(
    ask: Ask, deliver: Any, trigger: Trigger, connection: Connection, made: list[dict[str, Any]]
) -> None:
    for number in range(7):
        relay(trigger, connection, number)
    deliver(now_event(title="Link 0"))

    play(deliver, made, [trigger])

    runs = list(Run.objects.order_by("seq"))
    assert [run.status for run in runs] == ["completed"] * 6 + ["cancelled"]
    assert [run.depth for run in runs] == [0, 1, 2, 3, 4, 5, 5]
    assert [run.origin for run in runs] == [None, *runs[:6]]
    assert len({run.chain for run in runs}) == 1
    shown = ask("get", f"runs/{runs[-1].id}/").json()
    assert (shown["depth"], shown["origin"], shown["steps"]) == (5, str(runs[-2].id), [])
    assert shown["error"]["code"] == "chain_too_long"
    assert "to prevent loops" in shown["error"]["message"]
    fact = NotificationFact.objects.get()
    assert (fact.kind, fact.group) == ("chain_ended", str(runs[-1].workflow_id))
    assert fact.data["path"] == f"/triggers/{trigger.pk}/deliveries/{runs[-1].event.id}/"


def test_two_workflows_in_two_agencies_that_feed_each_other_end_and_see_nothing_of_each_other(
    ask: Ask, deliver: Any, trigger: Trigger, connection: Connection, made: list[dict[str, Any]]
) -> None:
    theirs = connect(Workspace.objects.create(account=Account.objects.create(name="Other"), name="Theirs"))
    their_trigger = lifecycle.create(actor=SYSTEM, connection=theirs, key=trigger.key, name="x")
    secrets.add_secret(actor=SYSTEM, trigger=their_trigger, secret=SECRET)
    ours_only = {"match": "all", "rows": [["trigger.incident.title", "equals", "Theirs"]]}
    publish(trigger, connection, steps=[create_step(connection)], conditions=ours_only)
    step = create_step(theirs)
    step["input"] = step["input"] | {"title": "Theirs"}
    theirs_only = {"match": "all", "rows": [["trigger.incident.title", "equals", "Follow-up"]]}
    publish(their_trigger, theirs, steps=[step], conditions=theirs_only)
    deliver(now_event(title="Theirs"))

    play(deliver, made, [trigger, their_trigger])

    runs = list(Run.objects.order_by("seq"))
    assert [run.workspace_id == connection.workspace_id for run in runs] == [True, False]
    assert runs[0].chain == runs[1].chain
    last = ask("get", "events/").json()["results"][0]
    assert [kept["code"] for kept in last["not_started"]] == ["already_in_chain"]
    assert str(runs[1].id) not in json.dumps(last)


def test_a_person_who_starts_it_again_begins_a_new_chain(
    deliver: Any, trigger: Trigger, connection: Connection, made: list[dict[str, Any]]
) -> None:
    publish(trigger, connection, steps=[create_step(connection)])
    deliver(now_event())
    play(deliver, made, [trigger])

    again = replay.replay(actor=SYSTEM, run=Run.objects.order_by("seq").last())[0]  # type: ignore[arg-type]
    deliver(now_event(incident="PNEW", incident_key="somebody-elses"))
    worker.drain()

    assert again.depth == 0
    assert Run.objects.get(lane="PNEW").depth == 0


def update_step(connection: Connection, status: str) -> dict[str, Any]:
    step_input = {"from": DANA, "incident_id": "{{ trigger.incident.id }}", "status": status}
    return create_step(connection, key="update", action="pagerduty/update-incident", input=step_input)


class TestEchoes:
    @pytest.fixture
    def acknowledged(self, deliver: Any, trigger: Trigger, connection: Connection, pagerduty: Any) -> Trigger:
        """The trigger of acknowledgements, after a workflow has acknowledged PINC1."""
        pagerduty.get(f"{API}/incidents/PINC1", json={"incident": {"id": "PINC1", "status": "triggered"}})
        pagerduty.put(f"{API}/incidents/PINC1", json={"incident": {"id": "PINC1", "status": "acknowledged"}})
        listening = lifecycle.create(
            actor=SYSTEM, connection=connection, key="pagerduty/incident-acknowledged", name="x"
        )
        secrets.add_secret(actor=SYSTEM, trigger=listening, secret=SECRET)
        publish(listening, connection, steps=[create_step(connection, only_if=NEVER)])
        publish(trigger, connection, steps=[update_step(connection, "acknowledged")])
        deliver(now_event())
        worker.drain()
        return listening

    def depths(self, deliver: Any, to: Trigger, *payloads: dict[str, Any]) -> list[int]:
        for payload in payloads:
            deliver(payload, to=to)
        worker.drain()
        return list(Run.objects.filter(event__trigger=to).order_by("seq").values_list("depth", flat=True))

    def event(self, **data: Any) -> dict[str, Any]:
        return now_event("incident.acknowledged", status="acknowledged", **data)

    def test_one_event_of_a_trigger_is_the_echo_and_the_next_is_somebodys(
        self, deliver: Any, acknowledged: Trigger
    ) -> None:
        assert self.depths(deliver, acknowledged, by(self.event(), "PUSER"), self.event()) == [1, 0]
        assert Event.objects.filter(cause__isnull=False).count() == 1

    def test_what_another_user_did_is_not_ours(self, deliver: Any, acknowledged: Trigger) -> None:
        assert self.depths(deliver, acknowledged, by(self.event(), "PSOMEBODY")) == [0]

    def test_another_incident_is_not_ours(self, deliver: Any, acknowledged: Trigger) -> None:
        assert self.depths(deliver, acknowledged, self.event(incident="POTHER")) == [0]

    def test_what_happened_much_later_is_not_ours(self, deliver: Any, acknowledged: Trigger) -> None:
        late = self.event()
        late["event"]["occurred_at"] = (timezone.now() + timedelta(minutes=11)).isoformat()

        assert self.depths(deliver, acknowledged, late) == [0]

    def test_what_is_delivered_late_is_ours_when_it_happened_then(
        self, deliver: Any, acknowledged: Trigger
    ) -> None:
        Trace.objects.update(
            first_at=timezone.now() - timedelta(hours=5), last_at=timezone.now() - timedelta(hours=5)
        )
        late = self.event()
        late["event"]["occurred_at"] = (timezone.now() - timedelta(hours=5)).isoformat()

        assert self.depths(deliver, acknowledged, late) == [1]

    def test_the_same_incident_id_in_another_provider_account_is_not_ours(
        self, deliver: Any, acknowledged: Trigger, connection: Connection
    ) -> None:
        Trace.objects.update(account="pagerduty/eu/PACC")

        assert self.depths(deliver, acknowledged, self.event()) == [0]


NEVER = {"match": "all", "rows": [["trigger.incident.id", "equals", "never"]]}


@pytest.mark.parametrize(("status", "ends"), [("triggered", "failed"), ("resolved", "completed")])
def test_a_refused_write_leaves_no_trace(
    deliver: Any,
    trigger: Trigger,
    connection: Connection,
    pagerduty: responses.RequestsMock,
    status: str,
    ends: str,
) -> None:
    def refused(request: Any) -> tuple[int, dict[str, str], str]:
        assert Trace.objects.exists()
        return 400, {}, json.dumps({"error": {"code": 1001, "message": "Already"}})

    pagerduty.get(f"{API}/incidents/PINC1", json={"incident": {"id": "PINC1", "status": "triggered"}})
    pagerduty.get(f"{API}/incidents/PINC1", json={"incident": {"id": "PINC1", "status": status}})
    pagerduty.add_callback(responses.PUT, f"{API}/incidents/PINC1", callback=refused)
    publish(trigger, connection, steps=[update_step(connection, "resolved")])
    deliver(now_event())

    worker.drain()

    assert Run.objects.get().status == ends
    assert not Trace.objects.exists()


def test_a_note_is_known_by_its_text_and_a_persons_note_is_not_ours(
    deliver: Any,
    trigger: Trigger,
    connection: Connection,
    note_workflow: Any,
    pagerduty: responses.RequestsMock,
) -> None:
    pagerduty.post(f"{API}/incidents/PINC1/notes", json={"note": {"id": "PNOTE1"}})
    deliver(now_event())
    worker.drain()

    def annotated(content: str, **more: Any) -> Event:
        payload = now_event("incident.annotated")
        reference = {"id": "PINC1", "type": "incident_reference"}
        payload["event"]["data"] = {
            "id": "PN",
            "type": "incident_note",
            "content": content,
            "incident": reference,
        }
        payload["event"]["data"] |= more
        body = json.dumps(payload).encode()
        return Event(
            trigger=trigger,
            external_id=str(uuid.uuid4()),
            event_type="incident.annotated",
            lane="PINC1",
            body=body,
        )

    ours = loop_detection.cause_of(annotated("Runbook for Payments are slow"))
    assert ours is not None
    assert ours.run == Run.objects.get()
    assert loop_detection.cause_of(annotated("I am looking at it")) is None
    assert loop_detection.cause_of(annotated("Runbook for", trimmed=True)) == ours


def note_event(content: str) -> dict[str, Any]:
    """Return the event of this moment: a user added that note to PINC1."""
    payload = now_event("incident.annotated")
    reference = {"id": "PINC1", "type": "incident_reference", "summary": "Payments are slow"}
    note = {"id": uuid.uuid4().hex[:8], "type": "incident_note", "content": content, "trimmed": False}
    payload["event"]["data"] = {**note, "incident": reference}
    return payload


@pytest.mark.parametrize("redact", [[], ["event.data.content"], ["event.agent.id", "event.data.trimmed"]])
def test_a_workflow_that_answers_notes_with_notes_ends_and_a_person_can_start_it_again(
    client: Any, deliver: Any, connection: Connection, pagerduty: responses.RequestsMock, redact: list[str]
) -> None:
    notes = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-note-added", name=""
    )
    secrets.add_secret(actor=SYSTEM, trigger=notes, secret=SECRET)
    Trigger.objects.filter(pk=notes.pk).update(redact=redact)
    answer = {"from": DANA, "incident_id": "{{ trigger.incident.id }}"}
    answer["content"] = "To {{ trigger.incident.summary }}: {{ trigger.note.content }}"
    publish(notes, connection, steps=[note_step(connection, input=answer)])
    written: list[str] = []

    def write(request: Any) -> tuple[int, dict[str, str], str]:
        written.append(json.loads(request.body)["note"]["content"])
        return 201, {}, json.dumps({"note": {"id": f"PN{len(written)}", "content": written[-1]}})

    pagerduty.add_callback("POST", f"{API}/incidents/PINC1/notes", callback=write)

    def echo_all(told: int = 0) -> None:
        worker.drain()
        while told < len(written) < 40:
            deliver(note_event(written[told]), to=notes)
            told += 1
            worker.drain()

    deliver(note_event("Who is on it?"), to=notes)
    echo_all()

    assert [run.depth for run in Run.objects.all()] == [0]
    assert len(written) == 1
    if "event.data.content" in redact:
        return  # nothing tells a person's note of that moment from ours
    assert written[0] == "To Payments are slow: Who is on it?"

    deliver(note_event("I am"), to=notes)
    worker.drain()
    assert written[-1] == "To Payments are slow: I am"


def test_calls_of_people_leave_no_trace_and_old_traces_are_deleted(
    ask: Ask,
    deliver: Any,
    trigger: Trigger,
    connection: Connection,
    made: list[dict[str, Any]],
) -> None:
    body = {"from": DANA, "service_id": "PSVC1", "title": "x"}
    assert (
        ask("post", f"connections/{connection.pk}/actions/pagerduty/create-incident/", body).status_code
        == 200
    )
    assert not Trace.objects.exists()

    publish(trigger, connection, steps=[create_step(connection)])
    deliver(now_event())
    play(deliver, made, [trigger])
    assert loop_detection.prune() == 0
    Trace.objects.update(last_at=timezone.now() - timedelta(days=4))
    worker.housekeeping()
    assert not Trace.objects.exists()


@pytest.mark.parametrize(
    "odd",
    [
        {"incident_key": "\ud800"},
        {"incident_key": "\x00"},
        {"id": "P\ud800"},
        {"id": "P\x00"},
    ],
    ids=range(4),
)
def test_no_content_of_an_event_costs_its_runs(
    deliver: Any, note_workflow: Workflow, odd: dict[str, str]
) -> None:
    assert deliver(incident_event(**odd)).status_code == 202
    fanout.fan_out_due()

    assert Run.objects.count() == 1


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon", None, 7])
def test_no_time_of_an_event_costs_its_runs(deliver: Any, note_workflow: Workflow, when: Any) -> None:
    payload = incident_event()
    payload["event"]["occurred_at"] = when
    assert deliver(payload).status_code == 202
    fanout.fan_out_due()

    assert Run.objects.count() == 1
