"""Each message is signed, by both secrets during a rotation, with one ID for good."""

import json
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from connections.models import Workspace
from tests.factories import SYSTEM
from tests.support.http_sinks import Sink
from tests.workflows.outgoing.delivery.sending import all_due, arrive, send_all, subscribe
from workflows import worker
from workflows.models import HookSecret, Trigger
from workflows.outgoing import endpoints, log_retention

pytestmark = pytest.mark.django_db


def test_every_message_is_signed_and_during_a_rotation_by_both_secrets(
    workspace: Workspace, server: Sink
) -> None:
    hook, old = subscribe(workspace, server.url)

    def headers() -> tuple[bytes, dict[str, str]]:
        endpoints.send_test(actor=SYSTEM, hook=hook)
        send_all()
        return server.bodies[-1], server.headers[-1]

    body, sent = headers()
    Webhook(old).verify(body, sent)
    assert len(sent["webhook-signature"].split()) == 1

    _, new = endpoints.rotate(actor=SYSTEM, hook=hook)
    body, sent = headers()
    Webhook(old).verify(body, sent)
    Webhook(new).verify(body, sent)
    assert len(sent["webhook-signature"].split()) == 2
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", sent)

    HookSecret.objects.filter(expires_at__isnull=False).update(expires_at=timezone.now())
    body, sent = headers()
    Webhook(new).verify(body, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(body, sent)
    log_retention.prune()
    assert HookSecret.objects.count() == 1


def test_a_second_rotation_leaves_two_secrets_and_one_in_wrong_hands_ends_at_once(
    workspace: Workspace, server: Sink
) -> None:
    hook, _ = subscribe(workspace, server.url)
    endpoints.rotate(actor=SYSTEM, hook=hook)
    _, last = endpoints.rotate(actor=SYSTEM, hook=hook)
    assert hook.secrets.count() == 2
    _, only = endpoints.rotate(actor=SYSTEM, hook=hook, hours=0)
    assert [row.value() for row in hook.secrets.all()] == [only]
    assert last != only


def test_the_id_is_the_same_on_every_attempt_and_the_body_too(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    event = arrive(trigger, "PA", 0)
    worker.send_hooks()
    worker.drain()
    all_due()
    worker.send_hooks()

    assert len(server.asked) == 2
    assert len(set(server.asked)) == len(set(server.bodies)) == 1
    message = json.loads(server.bodies[0])
    assert message["type"] == "event.received"
    assert message["data"]["id"] == str(event.id)
    assert message["data"]["lane"] == "PA"


def test_no_secret_and_no_address_is_logged(
    workspace: Workspace, trigger: Trigger, server: Sink, caplog: Any, capfd: Any
) -> None:
    _, secret = subscribe(workspace, f"{server.url}?token=canary-in-the-address")
    for mode in ("fails", "hangs", "well"):
        server.mode = mode
        arrive(trigger, "PA", 0)
        all_due()
        worker.send_hooks()
    said = caplog.text + "".join(capfd.readouterr())
    assert "hook_tried" in said
    assert secret not in said
    assert "canary" not in said
