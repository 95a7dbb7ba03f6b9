"""Deliveries that come at once, each committed: together, in order, and each by itself when one fails."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from queue import SimpleQueue
from typing import Any

import pytest
from django.db import Error, OperationalError, transaction
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone
from django_q.models import OrmQ

from connections.models import Connection
from core.db import tenant_scope
from core.db.postgresql import patience
from tests.factories import SECRET, SYSTEM
from tests.support.present import present
from tests.workflows.inbox.fast.deliveries.taking import begin, begun, body_of, post
from workflows.inbox import secrets, signers, store
from workflows.inbox.fast import group_commit, insert_sql, trigger_cache
from workflows.inbox.fast.event_loop import FastPath
from workflows.models import Event, Trigger, TriggerSecret
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("own_threads")
class TestWithoutATransactionAround:
    def at_once(self, *acts: Callable[[], Any]) -> list[Any]:
        answers: list[Any] = []
        start = threading.Barrier(len(acts))

        def begin(act: Callable[[], Any]) -> None:
            start.wait(10)
            try:
                answers.append(act())
            except Error as error:
                answers.append(type(error).__name__)
            database.close()

        threads = [threading.Thread(target=begin, args=[act]) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return answers

    def test_many_at_once_are_all_stored_and_rung_for(self, trigger: Trigger) -> None:
        OrmQ.objects.all().delete()
        bodies = [body_of() for _ in range(24)]

        answers = self.at_once(*(lambda body=body: post(trigger, body) for body in bodies))

        assert answers == [(202, {"status": "accepted"})] * 24
        assert {bytes(event.body) for event in Event.objects.all()} == set(bodies)
        for thread in threading.enumerate():
            if thread.name == "notifier":
                thread.join(20)
        assert OrmQ.objects.exists()

    def test_a_thread_of_the_gateway_finds_the_trigger_before_the_body(self, trigger: Trigger) -> None:
        """Such a thread begins without a tenant, as those of `at_once` do."""
        genuine = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/hooks/pagerduty/{trigger.token}",
            "HTTP_X_PAGERDUTY_SIGNATURE": "v1=" + "0" * 64,
        }
        other = genuine | {"PATH_INFO": f"/hooks/pagerduty/{uuid.uuid4()}"}
        assert self.at_once(lambda: FastPath().wanted(genuine)) == [True]
        assert self.at_once(lambda: FastPath().wanted(other)) == [False]
        assert self.at_once(tenant_scope.current) == [tenant_scope.NOTHING]

    @pytest.mark.postgresql
    def test_a_connection_is_told_its_scope_once_for_many_deliveries(
        self, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[tuple[str, tenant_scope.Scope]] = []
        wrapper: Any = type(databases["default"])
        set_scope = wrapper._set_session_scope

        def noted(self: Any, wanted: tenant_scope.Scope) -> None:
            told.append((threading.current_thread().name, wanted))
            set_scope(self, wanted)

        monkeypatch.setattr(wrapper, "_set_session_scope", noted)
        monkeypatch.setattr(group_commit, "_IDLE_AFTER", 1.0)

        def many() -> list[int]:
            return [post(trigger, body_of())[0] for _ in range(5)]

        assert self.at_once(many) == [[202] * 5]

        writer = [scope for name, scope in told if name == "deliveries"]
        sender = [scope for name, scope in told if name not in ("deliveries", "notifier")]
        assert (writer, sender) == ([tenant_scope.EVERYTHING], [tenant_scope.EVERYTHING])

    def test_the_same_at_once_is_stored_once(self, trigger: Trigger) -> None:
        body = body_of()
        answers = self.at_once(*[lambda: post(trigger, body)] * 12)
        assert sorted(told["status"] for _, told in answers) == ["accepted"] + ["duplicate"] * 11
        assert Event.objects.count() == 1

    def test_a_broken_statement_leaves_it_to_the_ordinary_way(
        self, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for statement in ("STORE_ONE", "STORE_ALL"):
            monkeypatch.setattr(insert_sql, statement, "SELECT nothing FROM nowhere")
        assert post(trigger, body_of()) == (202, {"status": "accepted"})
        assert Event.objects.count() == 1

    def test_what_is_written_together_keeps_the_order_it_came_in(self, trigger: Trigger) -> None:
        assert post(trigger, body_of())[0] == 202
        found = trigger_cache.find("pagerduty", str(trigger.token))
        assert found is not None
        ids = ["zz", "mm", "aa", "zy", "b"]
        batch, told = [], []
        for external_id in ids:
            delivery = found.integration.read_delivery(body_of())
            judged = store.judged(trigger, delivery, body=b"{}")
            made = insert_sql.parameters(delivery, judged, found.preconditions[0])._replace(
                external_id=external_id
            )
            batch.append(group_commit._Delivery(made, lambda *answer: told.append(answer)))

        group_commit._write_batch(batch[:2], lambda: batch[2:])

        assert told == [(True, None)] * len(ids)
        stored = Event.objects.filter(external_id__in=ids).order_by("seq")
        assert list(stored.values_list("external_id", flat=True)) == ids

    def test_where_the_database_is_away_all_know_at_once(
        self, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried, told = [], []

        def away() -> Any:
            tried.append("once")
            raise OperationalError("away")

        monkeypatch.setattr(group_commit._ON[database.vendor], "transaction", away)
        batch = [group_commit._Delivery(None, lambda *answer: told.append(answer)) for _ in range(5)]  # type: ignore[arg-type]

        group_commit._write_batch(batch[:1], lambda: batch[1:])

        assert tried == ["once"]
        assert [(stored, type(error)) for stored, error in told] == [(False, OperationalError)] * 5

    def test_who_cannot_hear_it_keeps_nobody_waiting(self, trigger: Trigger) -> None:
        assert post(trigger, body_of())[0] == 202
        begin(trigger, body_of(), then=lambda verdict: 1 / 0)
        assert begun(trigger, body_of()) == "accepted"

    def test_without_a_thread_what_is_at_hand_is_stored(self, trigger: Trigger) -> None:
        assert begun(trigger, body_of()) == "not begun"  # nothing is known of it yet
        assert post(trigger, body_of())[0] == 202
        secret = TriggerSecret.objects.get()
        assert secret.last_seen_at is not None

        assert begun(trigger, body_of()) == "accepted"
        assert begun(trigger, body_of(event_type="incident.resolved")) == "ignored"
        assert Event.objects.count() == 3
        assert begun(trigger, body_of(), secret="another") == "not begun"
        assert Event.objects.count() == 3

    def test_without_a_thread_a_repeat_is_left_to_the_ordinary_way(self, trigger: Trigger) -> None:
        body = body_of()
        assert post(trigger, body)[0] == 202
        assert begun(trigger, body) is None
        assert Event.objects.count() == 1

    def test_without_a_thread_nothing_is_stored_on_the_word_of_what_was_known(self, trigger: Trigger) -> None:
        assert post(trigger, body_of())[0] == 202
        TriggerSecret.objects.update(retired_at=timezone.now())
        assert begun(trigger, body_of()) is None
        assert begun(trigger, body_of()) == "not begun"
        assert Event.objects.count() == 1

    def test_a_secret_that_was_not_seen_for_a_while_is_shown_by_a_thread(self, trigger: Trigger) -> None:
        assert post(trigger, body_of())[0] == 202
        found = trigger_cache.find("pagerduty", str(trigger.token))
        assert found is not None
        secret = found.secrets[0]
        secret.last_seen_at = present(secret.last_seen_at) - timedelta(minutes=2)
        assert begun(trigger, body_of()) == "not begun"
        assert Event.objects.count() == 1

    def test_without_a_thread_a_broken_statement_leaves_it_to_the_ordinary_way(
        self, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert post(trigger, body_of())[0] == 202
        for statement in ("STORE_ONE", "STORE_ALL"):
            monkeypatch.setattr(insert_sql, statement, "SELECT nothing FROM nowhere")
        assert begun(trigger, body_of()) is None

    def test_a_batch_that_gave_up_waiting_costs_only_itself(
        self, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The thread of the writer goes on after the database hung once."""
        left = []

        def hangs() -> Any:
            left.append(patience.left())
            patience._of_thread.given_up = True
            raise OperationalError("did not answer in time")

        monkeypatch.setattr(group_commit._ON[database.vendor], "transaction", hangs)
        writer, told = group_commit.GroupCommit(), SimpleQueue[Any]()
        for _ in range(2):
            writer.hand_in(None, lambda *answer: told.put(answer))  # type: ignore[arg-type]
            told.get(timeout=20)
        assert left == [patience._of_process] * 2

    def test_what_takes_long_to_judge_is_left_to_a_thread(self, trigger: Trigger) -> None:
        paths = [f"event.data.field{number}" for number in range(50)]
        Trigger.objects.update(redact=paths[:1])
        assert post(trigger, body_of())[0] == 202
        assert begun(trigger, body_of()) == "accepted"
        Trigger.objects.update(redact=paths)
        trigger_cache.forget(str(trigger.token))
        assert post(trigger, body_of())[0] == 202
        assert begun(trigger, body_of()) == "not begun"
        assert begun(trigger, b"[" + b"0," * 9000 + b"0]") == "not begun"

    def test_with_too_many_waiting_no_more_are_begun(
        self, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert post(trigger, body_of())[0] == 202
        monkeypatch.setattr(group_commit, "_MOST_WAITING", 0)
        assert begun(trigger, body_of()) == "not begun"

    def test_a_secret_that_cannot_be_shown_costs_no_answer(
        self, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(secret: TriggerSecret) -> None:
            raise OperationalError("locked")

        assert post(trigger, body_of())[0] == 202
        monkeypatch.setattr(signers, "saw_secret", locked)
        assert post(trigger, body_of()) == (202, {"status": "accepted"})
        assert Event.objects.count() == 2

    def test_one_that_fails_fails_alone(self, trigger: Trigger) -> None:
        found = trigger_cache.find("pagerduty", str(trigger.token))
        assert found is not None

        def parameters() -> insert_sql.Parameters:
            body = body_of()
            judged = store.judged(trigger, found.integration.read_delivery(body), body=body)
            return insert_sql.parameters(
                found.integration.read_delivery(body), judged, found.preconditions[0]
            )

        writer = group_commit.GroupCommit()
        good = [lambda: writer.store(parameters())] * 9
        answers = self.at_once(*good, lambda: writer.store(parameters()._replace(status="nonsense")))

        assert sorted(map(str, answers)) == ["IntegrityError"] + ["True"] * 9
        assert Event.objects.count() == 9

    if database.vendor == "postgresql":  # SQLite has no connection to lose

        def test_whose_trigger_is_kept_waits_alone(
            self, trigger: Trigger, connection: Connection, monkeypatch: pytest.MonkeyPatch
        ) -> None:
            """A transaction that holds a trigger's row and does not end."""
            monkeypatch.setitem(group_commit.ANSWER_WITHIN, "postgresql", 1000.0)
            other = lifecycle.create(
                actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="Others"
            )
            secrets.add_secret(actor=SYSTEM, trigger=other, secret=SECRET)
            assert post(trigger, body_of())[0] == post(other, body_of())[0] == 202

            def wait() -> None:
                post(trigger, body_of())
                database.close()

            waits = threading.Thread(target=wait)

            with transaction.atomic():
                Trigger.objects.select_for_update().get(pk=trigger.pk)
                waits.start()
                answers = self.at_once(*[lambda: post(other, body_of())] * 8)
                assert waits.is_alive()
            waits.join(20)

            assert answers == [(202, {"status": "accepted"})] * 8
            assert Event.objects.filter(trigger=trigger).count() == 2

        def end_other_sessions(self) -> int:
            with database.cursor() as cursor:
                cursor.execute("SELECT quote_ident(current_user)")
                (role,) = cursor.fetchone()
                cursor.execute("RESET ROLE")  # to whom may do this
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                ended = len(cursor.fetchall())
                cursor.execute(f"SET ROLE {role}")
            return ended

        def test_a_lost_connection_costs_nothing(self, trigger: Trigger) -> None:
            assert post(trigger, body_of())[0] == 202
            assert self.end_other_sessions(), "the writer's, at least"
            assert post(trigger, body_of()) == (202, {"status": "accepted"})
            assert Event.objects.count() == 2
