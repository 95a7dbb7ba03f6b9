"""Attacks that no other test tries; each was a hole in some product once."""

import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from connections.models import ApiKey, AuditEvent, Connection, Membership, User
from taskjuice.logs import logging_config
from tests.support.browser import signed_in
from tests.world import World, world
from workflows.models import Trigger, Workflow


@pytest.fixture
def there(db: None) -> World:
    return world()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Log lines as a server writes them."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    how = {
        name: part for name, part in logging_config(json=True)["formatters"]["line"].items() if name != "()"
    }
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**how))
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def test_nobody_writes_a_log_line_of_their_own(there: World, written: io.StringIO) -> None:
    forged = '\n{"event": "forged", "level": "info"}\r\n'

    Client().get(f"/nowhere{forged}", headers={"User-Agent": forged, "X-Request-Id": forged})
    Client().post("/api/v1/triggers/", forged, content_type="application/json")
    Client().post(f"/hooks/pagerduty/{there.ids['token']}", forged, content_type="application/json")

    lines = written.getvalue().splitlines()
    assert len(lines) >= 3
    assert all(json.loads(line)["event"] != "forged" for line in lines)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
    ],
)
def test_signing_in_leads_to_no_other_site(db: None, elsewhere: str) -> None:
    User.objects.create_user("alice@alice.example", password="a long enough one")
    form = {"login": "alice@alice.example", "password": "a long enough one", "next": elsewhere}

    answer = Client().post("/accounts/login/", form)

    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_switching_the_workspace_leads_to_no_other_site(there: World) -> None:
    form = {"place": f"workspace:{there.who.acme.pk}", "next": "https://evil.example/"}

    answer = signed_in(there.who.bob).post("/workspace/", form)

    assert "evil" not in answer.headers.get("Location", "")


def test_a_foreign_host_name_is_refused(db: None) -> None:
    """Links in mails are made of PUBLIC_BASE_URL, and pages are not answered under another name."""
    assert Client().get("/accounts/login/", headers={"Host": "evil.example"}).status_code == 400


def test_fields_that_nobody_offers_are_not_taken(there: World) -> None:
    """What a body names beside what a form or an endpoint has changes nothing."""
    bob, foreign = signed_in(there.who.bob), there.who.other
    smuggled: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "workspace": str(foreign.pk),
        "workspace_id": str(foreign.pk),
        "account": str(foreign.account_id),
        "status": "revoked",
        "token": str(uuid.UUID(int=7)),
        "is_staff": True,
        "is_superuser": True,
        "role": "owner",
        "created_by": there.who.charlie.pk,
    }
    asked = {"key": "pagerduty/incident-triggered", "connection": there.ids["connection_id"], "name": "Mine"}
    refused = bob.post("/api/v1/triggers/", {**smuggled, **asked}, content_type="application/json")
    assert (refused.status_code, refused.json()["error"]["fields"].keys()) == (400, smuggled.keys())
    made = bob.post("/api/v1/triggers/", asked, content_type="application/json")
    assert made.status_code == 201
    trigger = Trigger.objects.get(name="Mine")
    assert (trigger.workspace, trigger.status) == (there.who.acme, "active")
    for path in (f"/api/v1/triggers/{trigger.pk}/", f"/api/v1/workflows/{there.ids['workflow_id']}/"):
        bob.patch(path, {**smuggled, "name": "Renamed"}, content_type="application/json")
    for path in ("change", "revoke"):
        bob.post(f"/settings/connections/{there.ids['connection_id']}/{path}/", smuggled)
    bob.post(
        "/accounts/password/set/",
        smuggled | {"password1": "long enough 4711", "password2": "long enough 4711"},
    )

    who = User.objects.get(pk=there.who.bob.pk)
    assert (who.is_staff, who.is_superuser) == (False, False)
    assert Membership.objects.get(user=who).role == "member"
    for model in (Trigger, Workflow, ApiKey):
        assert not model.objects.filter(workspace=foreign).exists()
    assert Connection.objects.get(pk=there.ids["connection_id"]).status == "active"


def test_an_api_key_makes_no_more_of_itself(there: World) -> None:
    """There is no endpoint for keys or people, so a key that leaked opens nothing else."""
    for path in ("api-keys", "keys", "people", "members", "accounts", "workspaces", "users"):
        assert signed_in(there.who.alice).post(f"/api/v1/{path}/").status_code == 404
    assert AuditEvent.objects.filter(action="api_key.created").count() == 1


@pytest.mark.parametrize(
    "markup", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7|add:7 }}"]
)
def test_markup_in_a_name_is_text_on_every_page_that_shows_it(there: World, markup: str) -> None:
    Trigger.objects.filter(pk=there.ids["trigger_id"]).update(name=markup)
    Workflow.objects.filter(pk=there.ids["workflow_id"]).update(name=markup)
    Connection.objects.filter(pk=there.ids["connection_id"]).update(label=markup, status_reason=markup)
    bob = signed_in(there.who.bob)

    for route in ("/triggers/", "/workflows/", "/settings/connections/", "/runs/"):
        text = bob.get(route).content.decode()
        assert markup not in text or "{{" in markup, route
        assert "14" not in text or "{{" not in markup or "{{ 7|add:7 }}" in text, route


def test_every_page_forbids_foreign_scripts_and_frames(there: World) -> None:
    answer = signed_in(there.who.bob).get("/triggers/")

    policy = answer["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"):
        assert part in policy
    assert "unsafe" not in policy
    assert (answer["X-Frame-Options"], answer["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert answer["Referrer-Policy"] == "same-origin"

    User.objects.create_user("eve@eve.example", password="a long enough one")
    signed = Client().post("/accounts/login/", {"login": "eve@eve.example", "password": "a long enough one"})
    cookie = signed.cookies["sessionid"]
    assert (bool(cookie["httponly"]), cookie["samesite"]) == (True, "Lax")
