"""Hand-overs become events: at the very end of a shift, each once, also after a stop. PagerDuty is the sandbox."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from jsonschema import Draft7Validator
from rest_framework.exceptions import ValidationError

from connections.connecting.revoke import revoke
from connections.models import AuditEvent, Connection, Grant, NotificationFact, User
from connections.signals import connection_restored
from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.sandbox.server import SandboxServer
from pagerduty_app.schedules import final_shifts
from tests.connections.admin.test_admin import staff
from tests.factories import SYSTEM, People, asking, note_step, publish
from tests.support.browser import ADD, path, signed_in, text
from tests.support.consent import consented
from tests.support.present import present
from workflows import catalog, worker
from workflows.authoring import samples
from workflows.inbox import store as storing
from workflows.models import Event, Run, Trigger, Watch
from workflows.triggers import lifecycle, polling

pytestmark = pytest.mark.django_db
KEY = "pagerduty/on-call-changed"
ROTATION = "PSCHED02"
NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
At = Callable[[datetime], list[dict[str, Any]]]
Tell = Callable[..., None]


@pytest.fixture
def tell(server: SandboxServer, sandbox: Sandbox) -> Tell:
    """Change the rotation at PagerDuty: Dana, Eli and Farah, a day each, from nine to nine."""

    def ask(what: str = "", method: str = "POST", **body: Any) -> None:
        with requests.Session() as session:
            session.trust_env = False
            given = {
                name: str(value) if isinstance(value, datetime) else value for name, value in body.items()
            }
            url = f"{server.url}/_sandbox/schedules/{ROTATION}{what}"
            assert session.request(method, url, json=given, timeout=5).ok

    ask(start=NINE - DAY, turn_seconds=86_400)
    return ask


@pytest.fixture
def connection(who: People, sandbox: Sandbox, tell: Tell) -> Connection:
    with time_machine.travel(NINE - 6 * HOUR, tick=False):
        return consented(who.bob, who.acme, sandbox)


@pytest.fixture
def trigger(connection: Connection) -> Trigger:
    """It has looked once, at five o'clock, when Dana was on call."""
    with time_machine.travel(NINE - 4 * HOUR, tick=False):
        options = {"schedule_id": ROTATION}
        made = lifecycle.create(
            actor=SYSTEM, connection=connection, key=KEY, name="Hand-over", options=options
        )
        worker.drain()
        return made


@pytest.fixture
def at(trigger: Trigger) -> At:
    """What the workers have found by then, oldest first."""

    def work(moment: datetime) -> list[dict[str, Any]]:
        with time_machine.travel(moment, tick=False):
            worker.drain()
        return [event.payload["event"]["data"] for event in Event.objects.order_by("seq")]

    return work


def said(data: dict[str, Any]) -> tuple[str, str, str]:
    names = [
        "+".join(user["summary"].split()[0] for user in data[side]) for side in ("users_before", "users_now")
    ]
    return (data["at"][8:16], *names)


def watch() -> Watch:
    return Watch.objects.get()


# When it looks, and what it finds.


def test_the_first_look_takes_down_who_is_on_call_and_tells_nothing(trigger: Trigger) -> None:
    row = watch()

    assert Event.objects.count() == 0
    assert (row.watched, row.present, row.expected_at) == ("Daily rotation", "On call: Dana Rivera", NINE)
    assert row.next_look_at == NINE - 4 * HOUR + 5 * MINUTE


def test_a_hand_over_is_told_once_at_the_very_end_of_the_shift(at: At, trigger: Trigger) -> None:
    assert at(NINE - 2 * MINUTE) == []
    assert watch().next_look_at == NINE, "not five minutes later"
    assert at(NINE - timedelta(microseconds=1)) == []

    (told,) = at(NINE)

    assert said(told) == ("30T09:00", "Dana", "Eli")
    assert told["until"] == (NINE + DAY).isoformat()
    assert told["recovered"] is False
    assert [user["email"] for user in told["users_now"]] == ["eli@acme.example"]
    assert told["schedule"]["id"] == ROTATION
    event = Event.objects.get()
    assert (event.event_type, event.lane, event.status) == ("schedule.on_call_changed", ROTATION, "done")
    for later in (NINE, NINE + 5 * MINUTE, NINE + HOUR):
        assert len(at(later)) == 1
    Draft7Validator(present(catalog.find_trigger(KEY)).output_schema).validate(
        samples.of_trigger(trigger, event)["trigger"]
    )


def test_the_documented_sample_has_the_shape_of_a_real_one(at: At) -> None:
    (real,) = at(NINE)
    kind = catalog.find_trigger(KEY)
    assert kind is not None
    sample = kind.sample["event"]["data"]

    assert sample.keys() == real.keys()
    assert [row.keys() for row in sample["users_now"]] == [row.keys() for row in real["users_now"]]
    assert sample["schedule"].keys() == real["schedule"].keys()


def test_an_override_is_found_within_minutes_and_told_as_of_its_beginning(at: At, tell: Tell) -> None:
    began = NINE - 3 * HOUR
    tell("/overrides", user="PUSER04", start=began, end=began + HOUR)
    at(began - MINUTE)
    tell("/overrides", method="DELETE")
    tell("/overrides", user="PUSER03", start=began + MINUTE, end=began + HOUR)

    assert [said(row) for row in at(began + 4 * MINUTE)] == [("30T06:01", "Dana", "Gus")]
    assert watch().expected_at == began + HOUR
    assert [said(row) for row in at(began + HOUR)][1:] == [("30T07:00", "Gus", "Dana")]


def test_what_is_changed_for_the_past_counts_from_the_last_look(at: At, tell: Tell) -> None:
    looked = NINE - 2 * HOUR
    at(looked)
    tell("/overrides", user="PUSER04", start=looked - HOUR, end=NINE)

    (told,) = at(looked + 6 * MINUTE)

    assert said(told) == (looked.isoformat()[8:16], "Dana", "Hana")


def test_nobody_on_call_is_a_hand_over_too(at: At, tell: Tell) -> None:
    tell(users=[])

    told = at(NINE - HOUR)

    assert [said(row)[1:] for row in told] == [("Dana", "")]
    tell(users=["PUSER01"])
    assert [said(row)[1:] for row in at(NINE)][1:] == [("", "Eli")]


def test_turns_of_one_person_are_no_hand_overs(at: At, tell: Tell) -> None:
    tell(users=["PUSER00"])

    assert at(NINE + 3 * DAY) == []


# After a stop.


def test_what_was_missed_is_made_good_in_order(at: At, trigger: Trigger, connection: Connection) -> None:
    publish(
        trigger,
        connection,
        steps=[
            note_step(
                connection,
                input={
                    "from": "{{ trigger.users_now[0].email }}",
                    "incident_id": "P1",
                    "content": "{{ trigger.schedule.summary }}",
                },
            )
        ],
    )

    told = at(NINE + 2 * DAY + HOUR)

    assert [said(row) for row in told] == [
        ("30T09:00", "Dana", "Eli"),
        ("01T09:00", "Eli", "Farah"),
        ("02T09:00", "Farah", "Dana"),
    ]
    assert [row["recovered"] for row in told] == [True, True, True]
    assert [row["until"] for row in told] == [(NINE + n * DAY).isoformat() for n in (1, 2, 3)]
    assert [run.event.seq for run in Run.objects.order_by("seq")] == sorted(
        Event.objects.values_list("seq", flat=True)
    )
    assert watch().left_out == ""


def test_a_week_is_made_good_and_what_is_older_is_said_to_be_left_out(at: At) -> None:
    now = NINE + 20 * DAY + HOUR

    told = at(now)

    ats = [datetime.fromisoformat(row["at"]) for row in told]
    assert all(now - one <= timedelta(days=8) for one in ats)
    assert ats == sorted(ats)
    chain = [[user["id"] for user in row[side]] for row in told for side in ("users_before", "users_now")]
    assert chain[1:-1:2] == chain[2::2], "each begins with who was on call after the one before"
    assert "more than 7 days" in watch().left_out
    assert len(at(now + HOUR)) == len(told)


@pytest.mark.slow
def test_two_hundred_at_once_are_made_good_and_the_others_are_said_to_be_left_out(at: At, tell: Tell) -> None:
    tell(start=NINE, turn_seconds=600)

    told = at(NINE + 2 * DAY)

    assert len(told) == 200
    assert told[-1]["at"] == (NINE + 2 * DAY).isoformat()
    assert "only the last 200" in watch().left_out


# Crashes and races.


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_a_crash_at_any_place_doubles_and_loses_nothing(
    at: At, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with the answer in hand; with some of the events stored and the row moved; with all of them stored."""
    settle, store = polling._settle, storing.store
    stored: list[int] = []

    def killed_before(*args: Any) -> None:
        raise SystemExit

    def killed_between(*args: Any, **kwargs: Any) -> Any:
        stored.append(1)
        if len(stored) == 2:
            raise SystemExit
        return store(*args, **kwargs)

    def killed_after(*args: Any) -> None:
        settle(*args)
        raise SystemExit

    now = NINE + DAY + HOUR
    with monkeypatch.context() as patch:
        if place == "between":
            patch.setattr(storing, "store", killed_between)
        else:
            patch.setattr(polling, "_settle", {"before": killed_before, "after": killed_after}[place])
        with pytest.raises(SystemExit):
            at(now)
    assert Event.objects.count() == (2 if place == "after" else 0)
    assert (watch().looked_at == now) is (place == "after")
    if place != "after":
        assert at(now + timedelta(seconds=10)) == [], "its lease has not run out yet"

    assert [said(row)[1:] for row in at(now + 2 * MINUTE)] == [("Dana", "Eli"), ("Eli", "Farah")]


def test_a_look_that_keeps_killing_its_workers_is_made_ever_more_rarely(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(polling, "_ask", killed)
    moment = NINE
    for _ in range(9):
        with pytest.raises(SystemExit):
            at(moment)
        moment = max(watch().next_look_at, moment + polling.WatchLease.length + timedelta(seconds=1))

    assert moment - NINE > 5 * MINUTE


def test_a_look_that_was_overtaken_comes_to_nothing(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease ran out while PagerDuty was slow, and another worker has looked meanwhile."""
    read, slow = final_shifts.read_rota, list[int]()

    def late(*args: Any) -> Any:
        found = read(*args)
        if not slow:
            slow.append(1)
            at(NINE + 2 * MINUTE)
        return found

    monkeypatch.setattr(final_shifts, "read_rota", late)

    told = at(NINE)

    assert [said(row) for row in told] == [("30T09:00", "Dana", "Eli")]
    assert watch().looked_at == NINE + 2 * MINUTE


def test_one_claim_wins(trigger: Trigger) -> None:
    first, second = watch(), watch()

    assert polling._claim(first) is not None
    assert polling._claim(second) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Watch.objects.update(lease_holder=None)


def test_a_clock_that_is_behind_the_others_tells_nothing_twice(at: At) -> None:
    at(NINE + timedelta(seconds=2))

    for moment in (NINE - MINUTE, NINE - timedelta(seconds=1), NINE + timedelta(seconds=1)):
        Watch.objects.update(next_look_at=moment)
        assert len(at(moment)) == 1

    assert [said(row)[0] for row in at(NINE + DAY)] == ["30T09:00", "01T09:00"]


def test_the_watchdog_knows_when_a_look_is_due(trigger: Trigger) -> None:
    for moment, due in ((NINE - 4 * HOUR + 4 * MINUTE, False), (NINE - 4 * HOUR + 5 * MINUTE, True)):
        with time_machine.travel(moment, tick=False):
            assert worker.anything_due() is due


# Trouble.


def fault(sandbox: Sandbox, kind: str = "status", times: int = 1, **more: Any) -> None:
    rule = {"kind": kind, "path": f"^/schedules/{ROTATION}", "method": "GET", "times": times, **more}
    sandbox.faults.add([rule])


def test_a_pagerduty_that_does_not_answer_is_asked_again_and_nothing_is_missed(
    at: At, sandbox: Sandbox, trigger: Trigger, who: People
) -> None:
    fault(sandbox, status=503, times=3)
    moment = NINE
    for failures in (1, 2, 3):
        assert at(moment) == []
        row = watch()
        assert (row.failures, present(row.trouble)["code"], row.trouble_since) == (
            failures,
            "provider_error",
            NINE,
        )
        assert moment < row.next_look_at <= moment + 8 * timedelta(seconds=1)
        moment = row.next_look_at
    page = text(signed_in(who.bob).get(path("detail", trigger)))
    assert "Polling failed" in page
    assert "missed events will be backfilled" in page

    assert [said(row) for row in at(moment)] == [("30T09:00", "Dana", "Eli")]
    assert (watch().failures, watch().trouble, watch().trouble_since) == (0, None, None)


def test_it_waits_for_as_long_as_pagerduty_asks(at: At, sandbox: Sandbox) -> None:
    fault(sandbox, "rate_limit", retry_after="400")
    at(NINE)

    assert NINE + timedelta(seconds=400) <= watch().next_look_at <= NINE + timedelta(seconds=440)
    assert present(watch().trouble)["code"] == "rate_limited"


def test_a_schedule_that_is_gone_is_said_to_be(at: At, sandbox: Sandbox) -> None:
    sandbox.store.delete("schedule", ROTATION)

    assert at(NINE) == []

    assert present(watch().trouble)["code"] == "not_found_at_provider"
    assert watch().next_look_at <= NINE + 5 * MINUTE


@pytest.mark.parametrize(("status", "told"), [("active", 1), ("error", 0)])
def test_people_are_notified_once_where_it_lasts_and_the_connection_works(
    at: At, sandbox: Sandbox, trigger: Trigger, status: str, told: int
) -> None:
    sandbox.store.delete("schedule", ROTATION)
    Connection.objects.update(status=status)
    for failures in range(1, 9):
        at(watch().next_look_at if failures > 1 else NINE)
        assert watch().failures == failures
        assert NotificationFact.objects.count() == (told if failures >= 6 else 0)
    for fact in NotificationFact.objects.all():
        assert (fact.kind, fact.data["path"]) == ("trigger_cannot_look", f"/triggers/{trigger.pk}/")
        assert fact.data["reason"]


@pytest.mark.parametrize("broken", ["entries", "entry", "users"])
def test_an_answer_that_says_nothing_is_no_hand_over(
    at: At, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pagerduty_app.client import Api

    answers: dict[str, Any] = {
        "entries": {"schedule": {"id": ROTATION, "final_schedule": {"name": "Final Schedule"}}},
        "entry": {"schedule": {"final_schedule": {"rendered_schedule_entries": [{"start": "soon"}]}}},
        "users": {"user": None},
    }
    method = "user" if broken == "users" else "schedule"
    with monkeypatch.context() as patch:
        patch.setattr(Api, method, lambda *args: answers[broken])
        assert at(NINE) == []
    assert present(watch().trouble)["message"] == "PagerDuty's answer does not say who is on call."

    assert len(at(NINE + MINUTE)) == 1


def test_while_reconnection_is_needed_it_waits_and_then_makes_good(
    at: At, connection: Connection, sandbox: Sandbox, who: People, trigger: Trigger
) -> None:
    Connection.objects.update(status="error")
    assert at(NINE) == []
    assert present(watch().trouble)["code"] == "reconnection_needed"
    at(NINE + HOUR)
    assert "Reconnection needed" in text(signed_in(who.bob).get(path("detail", trigger)))
    Connection.objects.update(status="active")

    with time_machine.travel(NINE + HOUR + timedelta(seconds=1), tick=False):
        connection_restored.send(sender=Connection, connection=connection)

    (told,) = at(NINE + HOUR + timedelta(seconds=1))
    assert (said(told), told["recovered"]) == (("30T09:00", "Dana", "Eli"), True)


def test_a_token_that_is_refused_is_replaced_once(at: At, sandbox: Sandbox) -> None:
    before = Grant.objects.get().generation
    fault(sandbox, status=401)

    assert len(at(NINE)) == 1
    assert Grant.objects.get().generation == before + 1


def test_after_a_revocation_nobody_looks(at: At, connection: Connection, sandbox: Sandbox) -> None:
    revoke(actor=SYSTEM, connection=connection)
    sandbox.requests.clear()

    assert at(NINE + DAY) == []

    assert not sandbox.requests
    assert Trigger.objects.get().status == "closed"


@pytest.mark.parametrize("scope", ["schedules.read", "users.read"])
def test_a_scope_that_is_missing_is_named(at: At, connection: Connection, scope: str) -> None:
    Grant.objects.update(scopes_granted=[one for one in connection.grant.scopes_granted if one != scope])

    assert at(NINE) == []

    assert (present(watch().trouble)["code"], present(watch().trouble)["detail"]) == (
        "missing_scope",
        {"scope": scope},
    )


def test_these_two_scopes_are_enough(at: At, sandbox: Sandbox, connection: Connection) -> None:
    grant = next(row for row in sandbox.store.all("grant") if row["account"] == "PACME01")
    sandbox.store.put("grant", grant["id"], grant | {"scopes": ["schedules.read", "users.read"]})
    Grant.objects.update(scopes_granted=["schedules.read", "users.read"])

    assert len(at(NINE)) == 1


# What people and programs do with it.


def test_while_paused_it_is_kept_and_starts_nothing(at: At, trigger: Trigger, connection: Connection) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"status": "paused"})
    at(NINE)
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"status": "active"})
    at(NINE + DAY)

    assert list(Event.objects.order_by("seq").values_list("status", flat=True)) == ["ignored", "done"]


def test_another_schedule_begins_anew_and_a_look_under_way_comes_to_nothing(
    at: At, trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = final_shifts.read_rota

    def changed_meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(final_shifts, "read_rota", read)
        found = read(*args)
        lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"options": {"schedule_id": "PSCHED00"}})
        return found

    monkeypatch.setattr(final_shifts, "read_rota", changed_meanwhile)

    assert at(NINE) == []

    assert at(NINE + MINUTE) == []
    assert (watch().watched, watch().present) == ("Primary on call", "On call: Dana Rivera")
    assert AuditEvent.objects.get(action="trigger.changed").detail["options"] == {"schedule_id": "PSCHED00"}


@pytest.mark.parametrize("what", ["change", "revoke", "delete"])
def test_what_somebody_does_at_the_last_moment_counts(
    at: At, trigger: Trigger, connection: Connection, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the answer, before it is written down."""
    settle = polling._settle
    act: dict[str, Callable[[], object]] = {
        "change": lambda: lifecycle.change(
            actor=SYSTEM, trigger=trigger, changes={"options": {"schedule_id": "PSCHED00"}}
        ),
        "revoke": lambda: revoke(actor=SYSTEM, connection=connection),
        "delete": lambda: lifecycle.delete(actor=SYSTEM, trigger=trigger),
    }

    def late(*args: Any) -> None:
        monkeypatch.setattr(polling, "_settle", settle)
        act[what]()
        settle(*args)

    monkeypatch.setattr(polling, "_settle", late)

    assert at(NINE) == []
    assert at(NINE + 10 * MINUTE) == []


def test_deleting_it_ends_the_looks(at: At, trigger: Trigger, sandbox: Sandbox) -> None:
    lifecycle.delete(actor=SYSTEM, trigger=trigger)
    sandbox.requests.clear()

    assert at(NINE) == []
    assert not sandbox.requests


def test_the_api_makes_one_and_shows_how_it_is_doing(
    client: Client, connection: Connection, sandbox: Sandbox
) -> None:
    ask = asking(client, connection.workspace)
    asked = {"key": KEY, "connection": str(connection.pk)}
    refused = ask("post", "triggers/", asked)
    assert refused.status_code == 400
    assert refused.json()["error"]["fields"] == {"options": {"schedule_id": ["This field is required."]}}

    made = ask("post", "triggers/", asked | {"options": {"schedule_id": ROTATION}}).json()
    worker.drain()
    shown = ask("get", f"triggers/{made['id']}/").json()

    assert (made["url"], made["holding"], made["watch"]["looked_at"]) == (None, False, None)
    assert (shown["watch"]["watched"], shown["watch"]["trouble"]) == ("Daily rotation", None)
    assert shown["watch"]["expected_at"] > shown["watch"]["looked_at"]
    assert ask("post", f"triggers/{made['id']}/secrets/", {"secret": "a-long-secret"}).status_code == 409
    token = Trigger.objects.get(pk=made["id"]).token
    assert client.post(f"/hooks/pagerduty/{token}", b"{}", content_type="application/json").status_code == 404
    assert ask("patch", f"triggers/{made['id']}/", {"options": {}}).status_code == 400
    known = {row["key"]: row for row in ask("get", "catalog/").json()["integrations"][0]["triggers"]}
    assert known[KEY]["polled"] is True
    assert known[KEY]["scopes"] == ["schedules.read", "users.read"]
    assert known[KEY]["options_schema"]["required"] == ["schedule_id"]


def test_so_many_of_one_connection_and_no_more(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "MOST_WATCHES", 1)
    options = {"schedule_id": ROTATION}
    lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name="", options=options)

    with pytest.raises(Problem) as refused:
        lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name="", options=options)

    assert refused.value.code == "too_many_watches"
    assert Trigger.objects.count() == 1


def test_its_fields_are_known_to_drafts_and_a_test_event_is_kept(
    trigger: Trigger, connection: Connection
) -> None:
    def step(content: str) -> dict[str, Any]:
        given = {"from": "dana@acme.example", "incident_id": "P1", "content": content}
        return {"steps": [note_step(connection, input=given)]}

    publish(trigger, connection, **step("{{ trigger.users_now[0].summary }} until {{ trigger.until }}"))
    with pytest.raises(ValidationError, match="Did you mean users_now"):
        publish(trigger, connection, **step("{{ trigger.users_new[0].summary }}"))

    event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)

    assert (event.is_test, event.lane, event.status) == (True, "PSCHED1", "done")


def test_making_one_on_the_pages(who: People, connection: Connection) -> None:
    browser = signed_in(who.bob)
    first = {"connection": str(connection.pk), "key": KEY, "name": "On call"}
    page = browser.post(ADD, first)
    assert page.status_code == 200
    assert f'<option value="{ROTATION}">Daily rotation</option>' in page.content.decode()
    assert "polls Acme for who is on call" in text(page)
    assert not Trigger.objects.exists()
    assert browser.post(ADD, first | {"with-options": "1"}).status_code == 400

    made = browser.post(ADD, first | {"with-options": "1", "schedule_id": ROTATION})

    trigger = Trigger.objects.get()
    assert made["Location"] == path("detail", trigger)
    shown = browser.get(made["Location"])
    assert "First poll pending" in text(shown)
    assert 'hx-get="' in shown.content.decode(), "the page waits for the first look"
    worker.drain()
    after = text(browser.get(path("progress", trigger)))
    assert "Daily rotation" in after
    looked = text(browser.get(path("detail", trigger)))
    for words in ("Active", "Daily rotation", "Next poll", "polls for who is on call in the schedule"):
        assert words in looked
    for words in ("Set up webhook", "Webhook URL", "Signing secret", "Confirmed"):
        assert words not in looked
    assert "polling starts over" in text(browser.get(path("options", trigger)))
    assert "Polling stops immediately" in text(browser.get(path("delete", trigger)))
    assert "ebhook in PagerDuty" not in text(browser.get(path("delete", trigger)))


def test_a_workflow_begins_on_one_that_is_there(who: People, trigger: Trigger) -> None:
    browser, add = signed_in(who.bob), reverse("workflows:add")
    page = browser.get(add)
    assert f'<option value="{KEY}"' not in page.content.decode(), "its schedule could not be chosen there"
    for name in ("On-call changed", "On-call gap ahead", "On-call starting"):
        assert f"{name}, " in text(page)
    assert "Incident changed, Any event, create the trigger first" in text(page)

    made = browser.post(add, {"name": "Tell the channel", "trigger": str(trigger.pk)})

    editor = browser.get(made["Location"])
    assert editor.status_code == 200
    assert "Hand-over" in text(editor)


def test_support_sees_how_it_is_doing(trigger: Trigger) -> None:
    support = staff(User.objects.create_user("sam@taskjuice.example"), "Support")
    where = reverse("admin:workflows_trigger_change", args=[trigger.pk])
    assert "Daily rotation: On call: Dana Rivera; last poll" in text(support.get(where))
    Watch.objects.update(trouble={"message": "PagerDuty did not answer in time."})

    shown = support.get(where)

    assert "PagerDuty did not answer in time." in text(shown)
    assert "schedule_id" in text(shown)
    assert 'name="options"' not in shown.content.decode()


def test_a_hand_over_is_listed_in_words(at: At, trigger: Trigger, who: People) -> None:
    at(NINE)
    browser = signed_in(who.bob)

    assert "Daily rotation: Eli Novak" in text(browser.get(path("deliveries", trigger)))
    single = text(browser.get(path("delivery", trigger, Event.objects.get().id)))
    for words in ("On call before Dana Rivera", "On call now Eli Novak", "Until 1 Dec 2026, 09:00 UTC"):
        assert words in single
