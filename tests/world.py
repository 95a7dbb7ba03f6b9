"""One row of everything, in Alice's agency: what strangers must not reach and colleagues must."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.utils import timezone

from connections.accounts import api_keys, people
from connections.connecting import client_links
from connections.grants import oauth_apps
from connections.mail import notification_emails
from connections.models import Connection, Membership, Notification
from connections.notifications import facts, kinds, preferences
from connections.tenancy.actor import Actor
from tests.factories import SYSTEM, People, connect, publish
from tests.factories import people as make_people
from workflows.inbox import secrets
from workflows.models import ActionCall, Deadline, Event, Hook, HookDelivery, ReplayBatch, Run
from workflows.triggers import lifecycle, test_events

SECRET = "a-signing-secret-of-the-world"


@dataclass
class World:
    """ids: the value of each parameter that a route may have. special: other values for some routes."""

    who: People
    ids: dict[str, str]
    special: dict[str, dict[str, str]]

    def path(self, route: str) -> str:
        """The route with its parameters filled in."""
        ids = self.ids | self.special.get(route, {})
        parts = []
        for part in route.split("/"):
            name = part.strip("<>").rpartition(":")[2]
            parts.append(ids[name] if part.startswith("<") else part)
        return "/" + "/".join(parts)


def world() -> World:
    who = make_people()
    who.agency.name = "Lighthouse"  # a word of no page of ours
    who.agency.save()
    connection = connect(who.acme)
    trigger = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="New"
    )
    secret, _ = secrets.add_secret(actor=SYSTEM, trigger=trigger, secret=SECRET)
    workflow = publish(trigger, connection)
    event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)
    test_events.start(actor=SYSTEM, event=event, workflow=workflow)
    call = ActionCall.objects.create(
        workspace=who.acme,
        connection=connection,
        action="pagerduty/get-incident",
        origin="person",
        input={"incident_id": "PINC1"},
        fingerprint="0" * 64,
        status="completed",
        output={"incident": {"id": "PINC1", "status": "triggered"}},
        finished_at=timezone.now(),
    )
    oauth_apps.store(
        actor=SYSTEM, workspace=who.acme, provider="pagerduty", client_id="acme-own-app", client_secret="s"
    )
    key, _ = api_keys.create_key(
        actor=SYSTEM, workspace=who.acme, name="Quarterly figures", scopes=["actions:run"]
    )
    hook = Hook.objects.create(
        workspace=who.acme, name="Quarterly figures", url="https://acme.example/hook", runs=True
    )
    told = HookDelivery.objects.create(
        workspace=who.acme,
        hook=hook,
        kind="event",
        event=event,
        lane=event.lane,
        status="dead",
        next_attempt_at=None,
    )
    Deadline.objects.create(
        trigger=trigger,
        subject=event.lane,
        since=event.received_at,
        told_at=event.received_at,
        due_at=event.received_at + timedelta(days=7),
        next_attempt_at=event.received_at + timedelta(days=7),
    )
    admin = _admin(who)
    invitation = people.invite(actor=admin, account=who.agency, email="eve@agency.example", role="member")
    link = client_links.send(
        actor=admin,
        connection=None,
        workspace=who.acme,
        provider="pagerduty",
        label="Asked",
        email="client@acme.example",
        expected_account="",
    )
    revoked = connect(who.acme, "Gone")
    Connection.objects.filter(pk=revoked.pk).update(status="revoked", revoked_at=timezone.now())
    notification = notified(who, connection)
    ids: dict[str, Any] = {
        "notification_id": notification.pk,
        "connection_id": connection.pk,
        "trigger_id": trigger.pk,
        "secret_id": secret.pk,
        "workflow_id": workflow.pk,
        "event_id": event.id,
        "run_id": Run.objects.get().id,
        "replay_id": ReplayBatch.objects.create(
            workspace=who.acme, selection={}, chosen=[Run.objects.get().seq], started_by="Alice"
        ).pk,
        "call_id": call.pk,
        "key_id": key.pk,
        "workspace_id": who.acme.pk,
        "invitation_id": invitation.pk,
        "session_id": UserSession.objects.create(
            user=who.alice, ip="192.0.2.1", session_key="alices", user_agent="Quarterly figures"
        ).pk,
        "membership_id": Membership.objects.get(user=who.bob).pk,
        "token": trigger.token,
        "hook_id": hook.pk,
        "delivery_id": told.id,
        "provider": "pagerduty",
        "action": "get-incident",
        "name": "services",
        "key": "note",
        "number": 1,
    }
    pending, gone = {"connection_id": str(link.connection_id)}, {"connection_id": str(revoked.pk)}
    settings = "settings/connections/<uuid:connection_id>/"
    special = {
        f"{settings}receipt/": gone,
        f"{settings}receipt/check/": gone,
        f"{settings}link/": pending,
        f"{settings}link/again/": pending,
        f"{settings}link/cancel/": pending,
    }
    assert Event.objects.count() == 1
    return World(who, {name: str(value) for name, value in ids.items()}, special)


def notified(who: People, connection: Connection) -> Notification:
    """One that everybody of the agency has, one that is still to be handed out, and what Alice has chosen."""
    words = {"title": "Quarterly figures", "reason": "Quarterly figures"}
    facts.of_connection(kinds.CLIENT_CONNECTED, connection, **words)
    notification_emails.distribute()
    facts.of_connection(kinds.CONNECTION_BROKEN, connection, **words)
    preferences.choose(who.agency.pk, who.alice, {kinds.CONNECTION_BROKEN.key: kinds.Email.HOURLY})
    return Notification.objects.get(account=who.agency, kind=kinds.CLIENT_CONNECTED.key)


def _admin(who: People) -> Actor:
    return Actor(kind="user", label=who.alice.email, user_id=who.alice.pk, roles={who.agency.pk: "owner"})
