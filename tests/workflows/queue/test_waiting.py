"""Why a run that has not ended is not going on: one reason for each state of the rows."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.utils import timezone

from connections.models import Connection, RequestBudget
from core.db import clock
from tests.factories import API, DANA, SYSTEM, add_note, incident_event, publish, requests_in_flight
from workflows import worker
from workflows.authoring import draft_tests
from workflows.calls import pipeline
from workflows.engine import fanout
from workflows.models import ActionCall, Event, Run, Trigger, Workflow
from workflows.queue import busy_connections, waiting
from workflows.queue.in_flight import PER_CONNECTION
from workflows.queue.waiting import Reason, Waiting

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=5)


def made(deliver: Any, *incidents: str) -> list[Run]:
    """A pending run for each of them, in order."""
    for incident in incidents:
        deliver(incident_event(incident=incident))
        fanout.fan_out_due()
    return list(Run.objects.order_by("seq"))


def why(run: Run) -> Waiting | None:
    run.refresh_from_db()
    return waiting.of([run]).get(run.pk)


def reason(run: Run) -> Reason | None:
    found = why(run)
    return found.reason if found else None


class TestBehindAnotherRun:
    def test_the_first_of_a_lane_waits_for_a_worker_and_the_others_for_the_first(
        self, deliver: Any, note_workflow: Workflow
    ) -> None:
        first, *others = made(deliver, "PINC1", "PINC1", "PINC1")

        assert reason(first) == Reason.WORKER
        for run in others:
            found = why(run)
            assert found
            assert (found.reason, found.run) == (Reason.EARLIER_RUN, first.id)
            assert found.message == "Waiting for an earlier run of this incident"

    def test_runs_of_another_incident_or_workflow_are_not_ahead(
        self, deliver: Any, trigger: Trigger, connection: Connection
    ) -> None:
        publish(trigger, connection)
        publish(trigger, connection)

        runs = made(deliver, "PINC1", "PINC2")

        assert len(runs) == 4
        assert [reason(run) for run in runs] == [Reason.WORKER] * 4

    @pytest.mark.parametrize(
        "state",
        [
            {"status": "paused", "pause_reason": "person"},
            {"status": "waiting", "due_at": timezone.now() + timedelta(days=1)},
            {"status": "running", "lease_until": timezone.now() + timedelta(days=1)},
        ],
        ids=["paused", "waiting", "taken"],
    )
    def test_what_holds_the_first_holds_the_others(
        self, deliver: Any, note_workflow: Workflow, state: dict[str, Any]
    ) -> None:
        first, second = made(deliver, "PINC1", "PINC1")

        Run.objects.filter(pk=first.pk).update(**state)

        assert reason(second) == Reason.EARLIER_RUN

    @pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
    def test_one_that_has_ended_is_not_ahead(self, deliver: Any, note_workflow: Workflow, end: str) -> None:
        first, second = made(deliver, "PINC1", "PINC1")

        Run.objects.filter(pk=first.pk).update(status=end)

        assert reason(first) is None
        assert reason(second) == Reason.WORKER

    def test_a_test_of_a_draft_has_no_lane(self, deliver: Any, note_workflow: Workflow) -> None:
        made(deliver, "PINC1")
        test = draft_tests.start(actor=SYSTEM, workflow=note_workflow, event=Event.objects.get(), once="once")

        assert test.lane == "PINC1"
        assert reason(test) == Reason.WORKER


class TestTheFirstOfItsLane:
    def test_after_a_429_it_waits_for_the_rate_limit(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=429, json={}, headers={"Retry-After": "120"})
        (run,) = made(deliver, "PINC1")
        worker.drain()

        found = why(run)

        assert found
        assert (found.reason, found.message) == (Reason.RATE_LIMIT, "Waiting for PagerDuty’s rate limit")
        assert found.until == ActionCall.objects.get().next_attempt_at

    def test_with_a_spent_budget_too(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
    ) -> None:
        (run, other) = made(deliver, "PINC1", "PINC2")
        add_note(pagerduty)
        add_note(pagerduty, "PINC2")
        worker.drain()
        assert reason(run) is reason(other) is None
        RequestBudget.objects.update(blocked_until=(timezone.now() + LATER).timestamp())
        *_, run = made(deliver, "PINC1")

        worker.drain()

        found = why(run)
        assert found
        assert found.reason == Reason.RATE_LIMIT
        assert found.until
        assert LATER / 2 < found.until - timezone.now() <= LATER

    def test_after_a_failure_it_waits_for_the_next_attempt_and_then_for_a_worker(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=503, json={})
        (run,) = made(deliver, "PINC1")
        worker.drain()

        found = why(run)
        assert found
        assert (found.reason, found.message) == (Reason.RETRY, "Waiting for the next attempt")
        run.refresh_from_db()
        assert found.until == run.due_at

        Run.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        assert reason(run) == Reason.WORKER

    def test_while_its_request_is_on_its_way_it_waits_for_the_response(
        self, deliver: Any, note_workflow: Workflow, pagerduty: responses.RequestsMock
    ) -> None:
        add_note(pagerduty, status=503, json={})
        (run,) = made(deliver, "PINC1")
        worker.drain()
        held = {"status": "running", "lease_until": timezone.now() + LATER}
        Run.objects.update(**held, due_at=timezone.now())

        assert reason(run) is None, "a worker is busy with it, and has sent nothing"
        ActionCall.objects.update(**held)
        found = why(run)
        assert found
        assert (found.reason, found.message) == (Reason.RESPONSE, "Waiting for PagerDuty’s response")

        for rows in (Run.objects, ActionCall.objects):
            rows.update(lease_until=timezone.now() - LATER)
        assert reason(run) == Reason.WORKER, "its worker is gone"


class TestBusyConnection:
    def test_the_first_of_a_lane_waits_for_as_many_requests_as_may_be_at_once(
        self, deliver: Any, note_workflow: Workflow, connection: Connection
    ) -> None:
        first, behind = made(deliver, "PINC1", "PINC1")
        requests_in_flight(connection, PER_CONNECTION - 1)
        assert reason(first) == Reason.WORKER

        requests_in_flight(connection, 1)

        found = why(first)
        assert found
        assert (found.reason, found.connection) == (Reason.CONNECTION_BUSY, connection.pk)
        assert found.message == "Waiting for an earlier request to this PagerDuty connection"
        assert reason(behind) == Reason.EARLIER_RUN
        test = draft_tests.start(actor=SYSTEM, workflow=note_workflow, event=first.event, once="once")
        assert reason(test) == Reason.CONNECTION_BUSY

    @pytest.mark.parametrize(
        "state",
        [
            {"lease_until": timezone.now() - LATER},
            {"status": "waiting", "lease_until": None, "next_attempt_at": timezone.now() + LATER},
            {"status": "completed", "lease_until": None},
            {"origin": "stream"},
        ],
        ids=["worker gone", "waiting", "ended", "stream"],
    )
    def test_what_is_not_on_its_way_takes_no_room(
        self, deliver: Any, note_workflow: Workflow, connection: Connection, state: dict[str, Any]
    ) -> None:
        (run,) = made(deliver, "PINC1")

        requests_in_flight(connection, PER_CONNECTION, **state)

        assert reason(run) == Reason.WORKER

    def test_the_first_attempt_of_a_request_of_the_api_takes_room(
        self, connection: Connection, pagerduty: responses.RequestsMock
    ) -> None:
        seen = []

        def answer(request: Any) -> tuple[int, dict[str, str], str]:
            seen.append(busy_connections.calls_in_flight(clock.now(), None).count())
            return 201, {}, '{"note": {"id": "N1", "content": "Look"}}'

        pagerduty.add_callback("POST", f"{API}/incidents/PINC1/notes", callback=answer)
        data = {"from": DANA, "incident_id": "PINC1", "content": "Look"}
        key = "pagerduty/create-incident-note"
        pipeline.call_action(actor=SYSTEM, connection=connection, action_key=key, data=data, origin="api")

        assert seen == [1]
        assert busy_connections.calls_in_flight(clock.now(), None).count() == 0

    def test_another_connection_of_the_workspace_holds_nothing(
        self, deliver: Any, note_workflow: Workflow, connection: Connection
    ) -> None:
        (run,) = made(deliver, "PINC1")
        other = Connection.objects.get()
        other.pk = uuid.uuid4()
        other.label, other.external_user_id = "Other", "POTHER"
        other.save(force_insert=True)

        requests_in_flight(other, PER_CONNECTION)

        assert reason(run) == Reason.WORKER

    def test_requests_on_their_way_are_found_by_index(
        self, deliver: Any, note_workflow: Workflow, connection: Connection
    ) -> None:
        (run,) = made(deliver, "PINC1")
        ended = {"status": "completed", "lease_until": None, "finished_at": timezone.now()}
        requests_in_flight(connection, 1000, **ended)
        requests_in_flight(
            connection, 1000, status="waiting", lease_until=None, next_attempt_at=timezone.now()
        )
        requests_in_flight(connection, PER_CONNECTION)
        if database.vendor == "postgresql":
            with database.cursor() as cursor:
                cursor.execute("ANALYZE workflows_actioncall")
        for workspaces in (None, [run.workspace_id]):
            assert busy_connections.find(clock.now(), workspaces).keys() == {str(connection.pk)}
            plan = busy_connections.calls_in_flight(clock.now(), workspaces).explain()

            assert "call_due" in plan, plan
            assert "next_attempt_at IS NULL" in plan or "next_attempt_at=?" in plan, plan


class TestPaused:
    def test_for_a_connection(self, deliver: Any, note_workflow: Workflow, connection: Connection) -> None:
        (run,) = made(deliver, "PINC1")
        Connection.objects.update(status="error")
        worker.drain()

        found = why(run)

        assert found
        assert (found.reason, found.connection) == (Reason.CONNECTION, connection.pk)
        assert found.message == "Waiting for connection Acme to be reconnected"

    @pytest.mark.parametrize(
        ("held_by", "expected", "message"),
        [
            ("person", Reason.PERSON, "Waiting for a member to resume the run"),
            ("safety", Reason.SAFETY_LIMIT, "Waiting for a member to resume the workflow"),
        ],
    )
    def test_for_a_member(
        self, deliver: Any, note_workflow: Workflow, held_by: str, expected: Reason, message: str
    ) -> None:
        (run,) = made(deliver, "PINC1")
        Run.objects.update(status="paused", pause_reason=held_by)

        found = why(run)

        assert found
        assert (found.reason, found.message) == (expected, message)


class TestQueries:
    def test_as_many_for_any_number_of_runs_and_none_for_those_that_have_ended(
        self, deliver: Any, note_workflow: Workflow, connection: Connection, django_assert_num_queries: Any
    ) -> None:
        runs = made(deliver, *["PINC1"] * 5, "PINC2", "PINC3")
        for run in runs:
            assert run.workflow_id

        for queries in (3, 4):
            with django_assert_num_queries(queries):
                assert len(waiting.of(runs)) == 7
            with django_assert_num_queries(queries):
                assert len(waiting.of(runs[:1])) == 1
            with django_assert_num_queries(2):
                assert len(waiting.of(runs[1:2])) == 1, "behind another"
            requests_in_flight(connection, PER_CONNECTION)
        for run in runs:
            run.status = Run.Status.COMPLETED
        with django_assert_num_queries(0):
            assert waiting.of(runs) == {}

    def test_the_run_ahead_is_found_by_the_index_of_its_lane(
        self, deliver: Any, note_workflow: Workflow
    ) -> None:
        runs = made(deliver, "PINC1", "PINC1")
        ended = {"status": "completed", "finished_at": timezone.now(), "lane": "PINC1"}
        of = {name: getattr(runs[0], name) for name in ("workspace", "workflow", "version", "event")}
        # So many that an index of all runs of the incident is not as good.
        Run.objects.bulk_create(Run(**of, **ended, replay=number) for number in range(1, 1000))
        postgres = database.vendor == "postgresql"
        rows = Run.objects.filter(pk__in=[run.pk for run in runs]).annotate(ahead=waiting.first_of_lane())

        if postgres:
            with database.cursor() as cursor:
                cursor.execute("ANALYZE; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        plan = rows.values_list("pk", "ahead").explain()

        assert "run_turns" in plan, plan
        assert "SCAN" not in plan.replace("SCALAR", ""), plan
