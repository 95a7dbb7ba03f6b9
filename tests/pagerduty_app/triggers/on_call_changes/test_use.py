"""Made, changed, paused and deleted, on pages and over the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.exceptions import ValidationError

from connections.connecting.revoke import revoke
from connections.models import AuditEvent, Connection, User
from core.errors import Problem
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.schedules import final_shifts
from tests.connections.admin.staff import staff
from tests.factories import SYSTEM, People, asking, note_step, publish
from tests.pagerduty_app.triggers.on_call_changes.watching import DAY, KEY, MINUTE, NINE, ROTATION, At, watch
from tests.support.browser import ADD, path, signed_in, text
from workflows import worker
from workflows.models import Event, Trigger, Watch
from workflows.triggers import lifecycle, polling

pytestmark = pytest.mark.django_db


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
