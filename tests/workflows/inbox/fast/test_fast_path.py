"""The fast path leaves the same rows as the ordinary one, and stores nothing on the word of its cache alone."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from queue import SimpleQueue
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import Error, OperationalError, close_old_connections, transaction
from django.db import connection as database
from django.db import connections as databases
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from connections.models import Connection
from core.crypto import seal
from core.db import tenant_scope
from core.db.postgresql import patience
from pagerduty_app import signatures
from taskjuice.wsgi import application
from tests.factories import SECRET, SYSTEM, incident_event
from tests.support.present import present
from workflows.inbox import deduplication, limits, secrets, signers, store
from workflows.inbox.fast import group_commit, insert_sql, notifier, trigger_cache
from workflows.inbox.fast import receive as fast_path
from workflows.inbox.fast.event_loop import FastPath
from workflows.inbox.fast.wsgi import FastPathMiddleware
from workflows.models import Event, Trigger, TriggerSecret, TurnedAway
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
SQLITE = "sqlite"


@pytest.fixture
def trigger(trigger: Trigger) -> Trigger:
    """Confirmed, as every trigger is after its first delivery."""
    Trigger.objects.filter(pk=trigger.pk).update(confirmed_at=timezone.now())
    trigger.refresh_from_db()
    return trigger


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Django looks after connections at the beginning of each request; a test's own has to stay, as in its client."""
    request_started.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)


@pytest.fixture
def own_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The threads that write and notify end with the test, and their connections with them."""
    monkeypatch.setattr(group_commit, "_IDLE_AFTER", 0.05)
    monkeypatch.setattr(notifier, "_IDLE_AFTER", 0.05)
    yield
    for thread in threading.enumerate():
        if thread.name in ("deliveries", "notifier"):
            thread.join(20)


def body_of(**changes: Any) -> bytes:
    return json.dumps(incident_event(**changes)).encode()


def take(trigger: Trigger, body: bytes, secret: str = SECRET) -> str | None:
    """The verdict of the fast path alone."""
    return fast_path.take("pagerduty", str(trigger.token), body=body, signature=signatures.sign(body, secret))


def begin(trigger: Trigger, body: bytes, *, then: Callable[[Any], Any], secret: str = SECRET) -> bool:
    """Whether the fast path was begun without a thread."""
    signature = signatures.sign(body, secret)
    return fast_path.begin("pagerduty", str(trigger.token), body=body, signature=signature, then=then)


def begun(trigger: Trigger, body: bytes, secret: str = SECRET) -> Any:
    """What the fast path without a thread answers in the end; "not begun" if it leaves the delivery to Django."""
    answers: SimpleQueue[Any] = SimpleQueue()
    return answers.get(timeout=20) if begin(trigger, body, then=answers.put, secret=secret) else "not begun"


def post(trigger: Trigger, body: bytes, secret: str = SECRET, **environ: Any) -> tuple[int, Any]:
    """Status and JSON of what the web server is answered."""
    statuses: list[str] = []
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/hooks/pagerduty/{trigger.token}",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_PAGERDUTY_SIGNATURE": signatures.sign(body, secret),
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
    }
    answer = b"".join(application(request | environ, lambda status, headers: statuses.append(status)))
    return int(statuses[0].split()[0]), json.loads(answer) if answer.startswith(b"{") else answer


@pytest.mark.parametrize("written", [str.upper, lambda url: url + "/", lambda url: url.upper() + "/"])
def test_a_url_in_capitals_or_with_a_last_slash_is_the_same_trigger(
    trigger: Trigger, written: Callable[[str], str]
) -> None:
    """On the fast path, and on the ordinary one."""
    path = "/hooks/pagerduty/" + written(str(trigger.token))
    body = body_of()

    assert post(trigger, body, PATH_INFO=path) == (202, {"status": "accepted"})
    slow = Client().post(
        path,
        body,
        content_type="application/json",
        headers={"X-PagerDuty-Signature": signatures.sign(body, SECRET)},
    )
    assert (slow.status_code, slow.json()) == (202, {"status": "duplicate"})
    assert Event.objects.get().trigger == trigger


def stored(trigger: Trigger) -> dict[str, Any]:
    """All that is stored of a trigger's one event, but for what differs from event to event."""
    event: dict[str, Any] = dict(Event.objects.filter(trigger=trigger).values().get())
    event["body"] = bytes(event["body"])
    for name in ("seq", "id", "trigger_id", "received_at"):
        event.pop(name)
    return event


def paused(trigger: Trigger) -> None:
    Trigger.objects.filter(pk=trigger.pk).update(status="paused")


def redacting(trigger: Trigger) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"redact": ["event.data.title"]})


def high_only(trigger: Trigger) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"options": {"urgencies": ["high"]}})


@pytest.mark.parametrize(
    ("body", "set_up", "verdict"),
    [
        (body_of(), None, "accepted"),
        (body_of(), paused, "ignored"),
        (body_of(), redacting, "accepted"),
        (body_of(urgency="low"), high_only, "filtered"),
        (body_of(urgency="high"), high_only, "accepted"),
        (body_of(event_type="incident.brand_new"), None, "ignored"),
        (body_of(event_type="incident.triggered\u0000\ud800", incident="P\u0000\ud800"), None, "ignored"),
        (body_of(incident="P" * 500), None, "accepted"),
        (b"not json", None, "ignored"),
        (b"\xff\xfe", None, "ignored"),
        (b"", None, "ignored"),
    ],
    ids=[
        *("plain", "paused", "redacting", "left out by options", "let in by options", "another type"),
        *("odd characters", "a long id", "not JSON", "not text", "empty"),
    ],
)
def test_it_stores_what_the_ordinary_way_stores(
    deliver: Any, connection: Connection, trigger: Trigger, body: bytes, set_up: Any, verdict: str
) -> None:
    other = lifecycle.create(actor=SYSTEM, connection=connection, key=trigger.key, name="Ordinary")
    secrets.add_secret(actor=SYSTEM, trigger=other, secret=SECRET)
    for each in (trigger, other):
        if set_up:
            set_up(each)

    assert take(trigger, body) == verdict
    assert deliver(body, to=other).json() == {"status": verdict}

    assert stored(trigger) == stored(other)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("own_threads")
def test_a_page_that_was_shown_before_on_that_connection_does_not_stand_in_the_way(trigger: Trigger) -> None:
    """On PostgreSQL the session was told then to show nothing (core.db.tenant_scope)."""
    take(trigger, body_of())
    with tenant_scope.scoped(tenant_scope.NOTHING):
        Event.objects.count()

    assert take(trigger, body_of()) == "accepted"
    assert Event.objects.count() == 2


class TestWhatChangedSinceIsSeenAtOnce:
    @pytest.fixture(autouse=True)
    def known_trigger(self, trigger: Trigger) -> None:
        assert take(trigger, body_of()) == "accepted"
        assert str(trigger.token) in trigger_cache._cached

    def test_a_retired_secret_signs_nothing_any_more(self, trigger: Trigger) -> None:
        secrets.add_secret(actor=SYSTEM, trigger=trigger, secret="the-next-secret")
        secrets.retire_secret(
            actor=SYSTEM, secret=next(s for s in trigger.secrets.all() if s.value() == SECRET)
        )

        assert post(trigger, body_of())[0] == 401
        assert post(trigger, body_of(), "the-next-secret") == (202, {"status": "accepted"})

    def test_a_new_secret_signs(self, trigger: Trigger) -> None:
        secrets.add_secret(actor=SYSTEM, trigger=trigger, secret="the-next-secret")
        assert post(trigger, body_of(), "the-next-secret") == (202, {"status": "accepted"})

    def test_a_secret_of_another_text_is_another(self, trigger: Trigger) -> None:
        secret = trigger.secrets.get()
        seal(secret, "secret", "another text")
        secret.save()
        assert post(trigger, body_of())[0] == 401

    @pytest.mark.parametrize(
        ("change", "answer"),
        [
            ({"status": "paused"}, (202, {"status": "ignored"})),
            ({"status": "closed"}, (202, {"status": "ignored"})),
            ({"deleted_at": timezone.now()}, (404, None)),
            ({"redact": ["event.data.title"]}, (202, {"status": "accepted"})),
            ({"options": {"urgencies": ["low"]}}, (202, {"status": "filtered"})),
        ],
        ids=lambda given: str(given)[:30],
    )
    def test_a_changed_trigger_counts_as_it_is(self, trigger: Trigger, change: Any, answer: Any) -> None:
        Trigger.objects.filter(pk=trigger.pk).update(**change)
        body = body_of(title="Said once", urgency="high")

        assert take(trigger, body) is None, "what was known is wrong"
        status, told = post(trigger, body)

        assert status == answer[0]
        assert answer[1] is None or told == answer[1]
        if "redact" in change:
            assert b"Said once" not in b"".join(bytes(event.body) for event in Event.objects.all())

    def test_a_change_of_two_webhooks_is_looked_for(self, trigger: Trigger) -> None:
        deduplication.watch(trigger)
        assert take(trigger, body_of()) is None
        assert post(trigger, body_of()) == (202, {"status": "accepted"})
        assert Event.objects.latest("seq").source != ""


def test_an_unconfirmed_trigger_is_confirmed_by_its_first_delivery(trigger: Trigger) -> None:
    Trigger.objects.update(confirmed_at=None)
    assert take(trigger, body_of()) is None
    assert post(trigger, body_of()) == (202, {"status": "accepted"})
    trigger.refresh_from_db()
    assert trigger.confirmed_at is not None


def test_a_repeat_is_a_success_stored_once_and_counted(trigger: Trigger) -> None:
    body = body_of()
    assert [post(trigger, body) for _ in range(3)] == [
        (202, {"status": "accepted"}),
        (202, {"status": "duplicate"}),
        (202, {"status": "duplicate"}),
    ]
    assert Event.objects.count() == 1
    assert sum(TurnedAway.objects.filter(verdict="duplicate").values_list("count", flat=True)) == 2


def test_when_a_secret_last_signed_is_shown_to_the_minute(trigger: Trigger, time_machine: Any) -> None:
    time_machine.move_to("2026-11-02T10:00:00Z", tick=False)
    take(trigger, body_of())
    first = trigger.secrets.get().last_seen_at
    time_machine.shift(timedelta(seconds=50))
    take(trigger, body_of())
    assert trigger.secrets.get().last_seen_at == first == timezone.now() - timedelta(seconds=50)
    time_machine.shift(timedelta(seconds=20))
    take(trigger, body_of())
    assert trigger.secrets.get().last_seen_at == timezone.now()


def test_a_wrong_signature_is_refused_and_counted_as_ever(trigger: Trigger) -> None:
    take(trigger, body_of())
    assert post(trigger, body_of(), "wrong secret")[0] == 401
    assert TurnedAway.objects.get().count == 1
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"HTTP_HOST": "elsewhere.example"}, 400),
        ({"REQUEST_METHOD": "PUT"}, 405),
        ({"CONTENT_LENGTH": str(limits.MAX_BODY + 1)}, 413),
        ({"PATH_INFO": f"/hooks/pagerduty/{uuid.UUID(int=7)}"}, 404),
    ],
)
def test_what_is_not_plain_is_answered_by_django(trigger: Trigger, environ: Any, status: int) -> None:
    take(trigger, body_of())
    assert post(trigger, body_of(), **environ)[0] == status
    assert Event.objects.count() == 1


def test_where_https_is_wanted_nothing_else_is_taken(trigger: Trigger, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    passed_on: list[bytes] = []

    def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        passed_on.append(environ["wsgi.input"].read())
        return []

    body = body_of()
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/hooks/pagerduty/{trigger.token}",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_PAGERDUTY_SIGNATURE": signatures.sign(body, SECRET),
    }
    for more in ({}, {"HTTP_X_FORWARDED_PROTO": "http"}, {"HTTP_X_FORWARDED_PROTO": "https"}):
        FastPathMiddleware(django)(
            {**request, **more, "wsgi.input": BytesIO(body)}, lambda status, headers: None
        )

    assert passed_on == [body, body]
    assert Event.objects.count() == 1


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


def test_no_more_is_kept_in_memory_than_is_said(trigger: Trigger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_cache, "_MOST", 3)
    monkeypatch.setattr(trigger_cache, "_cached", {})
    for number in range(5):
        token = uuid.uuid4()
        Trigger.objects.filter(pk=trigger.pk).update(token=token)
        trigger.token = token
        assert take(trigger, body_of(incident=f"P{number}")) == "accepted"
        assert len(trigger_cache._cached) <= 3
    assert TriggerSecret.objects.count() == 1
