"""What people and other software see of a webhook that its trigger keeps: the page, the API, the boxes to tick."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import ClientLink, Connection, User
from pagerduty_app.oauth.scopes import OPTIONAL, SCOPES, WEBHOOKS
from pagerduty_app.sandbox.sandbox import Sandbox
from tests.factories import asking, people
from tests.support.browser import signed_in, text
from tests.support.consent import Dance, consented, decide
from tests.support.relay import Relay, relay
from tests.support.sandbox_webhooks import (
    _held_to_the_contract,
    connection,
    disable,
    kept,
    make,
    open_incident,
    row,
    theirs,
    trigger,
    turn,
)
from workflows.models import Trigger

__all__ = ["_held_to_the_contract", "connection", "kept", "relay", "trigger"]
pytestmark = pytest.mark.django_db
BOX = "Set up webhooks automatically (recommended)"


@pytest.fixture
def alice(connection: Connection) -> Client:
    return signed_in(User.objects.get(email="alice@alice.example"))


def page(browser: Client, trigger: Trigger) -> str:
    answer = browser.get(reverse("triggers:detail", args=[trigger.pk]))
    assert answer.status_code == 200
    return str(answer.content.decode())


def asked_scopes(location: str) -> list[str]:
    return parse_qs(urlsplit(location).query)["scope"][0].split()


def test_the_page_follows_the_webhook_from_the_wish_to_its_working(
    alice: Client, trigger: Trigger, sandbox: Sandbox, relay: Relay
) -> None:
    assert "Creating webhook in PagerDuty." in page(alice, trigger)
    turn()
    assert "Waiting for PagerDuty’s test message." in page(alice, trigger)
    relay.let_in(1)
    turn()

    seen = page(alice, trigger)
    assert "Webhook is active in PagerDuty." in seen
    assert ">Automatic<" in seen
    assert "Rotate secret" in seen
    assert ">Set up automatically<" not in seen
    assert theirs(sandbox)[0]["secret"] not in seen


def test_the_guide_is_still_there_for_who_wants_to_do_it_by_hand(
    alice: Client, trigger: Trigger, sandbox: Sandbox
) -> None:
    seen = page(alice, trigger)
    assert "Set up manually instead" in seen
    assert "Paste the signing secret here" in seen


def test_set_up_and_rotate_by_their_buttons(
    alice: Client, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    made = make(connection, "triggered")
    made.subscriptions.all().delete()
    assert ">Set up automatically<" in page(alice, made)

    answer = alice.post(reverse("triggers:webhook_set_up", args=[made.pk]), follow=True)
    assert "Creating the webhook." in answer.content.decode()
    turn()
    relay.let_in(1)
    turn()
    answer = alice.post(reverse("triggers:webhook_rotate", args=[made.pk]), follow=True)
    assert "Rotating secret." in answer.content.decode()
    again = alice.post(reverse("triggers:webhook_rotate", args=[made.pk]), follow=True)
    assert "Its secret is being rotated." in again.content.decode()


def test_trouble_is_said_in_words(alice: Client, kept: Trigger, sandbox: Sandbox) -> None:
    subscription = theirs(sandbox)[0]
    sandbox.store.put("subscription", subscription["id"], subscription | {"active": False})
    turn()
    assert "Webhook disabled in PagerDuty." in page(alice, kept)

    sandbox.faults.add([{"kind": "status", "status": 503, "path": "webhook_subscriptions"}])
    sandbox.store.put("subscription", subscription["id"], subscription)
    turn()
    kept.subscriptions.update(trouble="")
    assert "Couldn’t check the webhook." in page(alice, kept)


def test_a_webhook_that_could_not_be_made_says_why_and_offers_both_ways(
    alice: Client, trigger: Trigger, sandbox: Sandbox
) -> None:
    for _ in range(10):
        sandbox.subscribe("PACME01", "https://elsewhere.example/", [], {"type": "account_reference"})
    turn()

    seen = page(alice, trigger)
    assert "The webhook could not be created:" in seen
    assert ">Set up automatically<" in seen
    assert "Paste the signing secret here" in seen


def test_recovered_deliveries_are_marked(alice: Client, kept: Trigger, sandbox: Sandbox) -> None:
    disable(sandbox, theirs(sandbox)[0])
    open_incident(sandbox)
    turn()

    seen = page(alice, kept)
    assert '<span class="badge off">Recovered</span>' in seen
    assert "Last recovered: 1 change" in seen
    event = kept.events.get(source="recovered")
    answer = alice.get(reverse("triggers:delivery", args=[kept.pk, event.id])).content.decode()
    assert "PagerDuty didn’t deliver this change." in answer


def test_without_the_permission_the_page_says_how_to_get_it(db: None, sandbox: Sandbox, relay: Relay) -> None:
    who = people()
    made = make(consented(who.alice, who.acme, sandbox), "triggered")

    seen = page(signed_in(who.alice), made)
    assert "Reconnect with webhook permissions" in seen
    assert ">Set up automatically<" not in seen
    assert "Set up manually instead" not in seen


def test_the_api_shows_and_starts_it(
    client: Client, connection: Connection, sandbox: Sandbox, relay: Relay
) -> None:
    made = make(connection, "triggered")
    made.subscriptions.all().delete()
    ask = asking(client, connection.workspace)
    before = ask("get", f"triggers/{made.pk}/").json()["set_up"]
    assert (before["way"], before["state"], before["allowed"]) == ("by_hand", "by_hand", True)

    answer = ask("post", f"triggers/{made.pk}/webhook/", {"service_id": "PSVC00"})
    assert answer.status_code == 202
    assert answer.json()["set_up"]["state"] == "making"
    assert ask("post", f"triggers/{made.pk}/webhook/", {}).json()["error"]["code"] == "already_set_up"
    turn()
    relay.let_in(1)
    turn()

    shown = ask("get", f"triggers/{made.pk}/").json()["set_up"]
    assert shown["state"] == "works"
    assert shown["webhook"] == row(made, "on").external_id
    assert shown["reach"] == {"kind": "service", "id": "PSVC00"}
    rotated = ask("post", f"triggers/{made.pk}/webhook/rotate/")
    assert rotated.status_code == 202
    assert rotated.json()["set_up"]["rotating"]


def test_the_api_refuses_two_reaches_and_names_the_field(client: Client, connection: Connection) -> None:
    made = make(connection, "triggered")
    ask = asking(client, connection.workspace)
    answer = ask("post", f"triggers/{made.pk}/webhook/", {"service_id": "PSVC00", "team_id": "PTEAM00"})

    assert answer.status_code == 400
    assert "team_id" in answer.json()["error"]["fields"]


def test_the_list_of_triggers_asks_no_more_often_for_many(
    client: Client, connection: Connection, django_assert_max_num_queries: Any
) -> None:
    ask = asking(client, connection.workspace)
    for _ in range(3):
        make(connection, "triggered")
    ask("get", "triggers/")  # notes that the key was used
    with django_assert_max_num_queries(8):
        assert len(ask("get", "triggers/").json()["results"]) == 3


# --- asking for the scopes ---------------------------------------------------------------------------
def test_the_box_adds_two_scopes_and_the_six_stay(db: None, sandbox: Sandbox) -> None:
    who = people()
    alice = Dance(who.alice)
    assert BOX in alice.browser.get(reverse("connections:connect")).content.decode()

    without = asked_scopes(alice.start(who.acme, "Without"))
    with_box = asked_scopes(alice.start(who.acme, "With", optional_webhooks="on"))

    assert without == ["openid", *SCOPES]
    assert with_box == [*without, *WEBHOOKS.scopes]


def test_reconnecting_asks_as_before_unless_somebody_chooses(connection: Connection) -> None:
    alice = Dance(User.objects.get(email="alice@alice.example"))
    reconnect = reverse("connections:reconnect_choose", args=[connection.pk])
    assert "checked" in alice.browser.get(reconnect).content.decode()

    assert set(WEBHOOKS.scopes) <= set(asked_scopes(alice.start_again(connection)))
    fewer = alice.start_again(connection, optional_asked="1")
    assert asked_scopes(fewer) == ["openid", *SCOPES]
    alice.come_back(decide(fewer))
    connection.grant.refresh_from_db()
    assert not set(WEBHOOKS.scopes) & set(connection.grant.scopes_granted)
    assert "checked" not in alice.browser.get(reconnect).content.decode()


def test_one_permission_more_leaves_the_others_as_they_were(connection: Connection) -> None:
    alice = Dance(User.objects.get(email="alice@alice.example"))

    asked = asked_scopes(alice.start_again(connection, also="choices"))

    choices = next(one for one in OPTIONAL if one.key == "choices")
    assert asked == ["openid", *SCOPES, *WEBHOOKS.scopes, *choices.scopes]
    unknown = asked_scopes(alice.start_again(connection, also="everything"))
    assert unknown == ["openid", *SCOPES, *WEBHOOKS.scopes]


def test_the_page_of_a_connection_says_what_each_further_permission_unlocks(connection: Connection) -> None:
    alice = Dance(User.objects.get(email="alice@alice.example"))

    seen = text(alice.browser.get(reverse("connections:detail", args=[connection.pk])))

    assert f"{len(OPTIONAL) - 1} optional permissions not requested" in seen
    for permission in OPTIONAL:
        assert (permission.unlocks in seen) is (permission.key != "webhooks")


def test_trying_again_after_a_no_keeps_what_was_chosen(db: None, sandbox: Sandbox) -> None:
    who = people()
    alice = Dance(who.alice)
    said_no = decide(alice.start(who.acme, optional_webhooks="on"), decision="deny")
    seen = alice.come_back(said_no).content.decode()

    assert '<input type="hidden" name="optional_webhooks" value="on">' in seen


def test_optional_scopes_that_were_not_granted_are_said_and_nothing_else_suffers(
    db: None, sandbox: Sandbox
) -> None:
    sandbox.faults.scopes = ["openid", *SCOPES]
    who = people()
    made = Dance(who.alice).connect(who.acme, optional=["webhooks"])

    assert made.status == "active"
    seen = signed_in(who.alice).get(reverse("connections:detail", args=[made.pk])).content.decode()
    assert seen.count("– not granted") == 2
    assert "granted only some permissions" not in seen


def test_a_client_link_asks_for_them_where_the_agency_wants_it(db: None, sandbox: Sandbox) -> None:
    who = people()
    browser = signed_in(who.alice)
    form = {"label": "Acme", "workspace": str(who.acme.pk), "email": "", "expected_account": ""}
    assert BOX in browser.get(reverse("connections:link_add")).content.decode()
    browser.post(reverse("connections:link_add"), form | {"optional_webhooks": "on"})
    link = ClientLink.objects.get()
    assert link.optional_permissions == ["webhooks"]

    theirs_ = Client()
    address = urlsplit(str(link.url))
    theirs_.get(f"{address.path}?{address.query}")
    assert "webhook_subscriptions.write" in theirs_.get(reverse("connections:client")).content.decode()
    answer = theirs_.post(reverse("connections:client_agree"), {"link": str(link.pk)})
    assert set(WEBHOOKS.scopes) <= set(asked_scopes(answer["Location"]))
    parts = urlsplit(decide(answer["Location"]))
    theirs_.get(f"{parts.path}?{parts.query}")
    done = theirs_.get(reverse("connections:client_done")).content.decode()
    assert "webhook_subscriptions.write" in done
    assert set(WEBHOOKS.scopes) <= set(Connection.objects.get().grant.scopes_granted)
