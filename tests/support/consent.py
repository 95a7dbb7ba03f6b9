"""Connecting to the sandbox: as a person does it, over our pages and PagerDuty's, or at once, by what those end in."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from django.conf import settings
from django.test import Client
from django.urls import reverse

from connections import audit
from connections.connecting.complete import Ending, authorise
from connections.grants import registry
from connections.models import Connection, User, Workspace
from connections.tenancy.actor import Actor
from core.db import clock
from pagerduty_app.sandbox.sandbox import SCOPES, Sandbox


class Dance:
    """One person in one browser."""

    def __init__(self, person: User) -> None:
        self.browser = Client()
        self.browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")

    def start(self, workspace: Workspace, label: str = "Acme", **form: str) -> str:
        """The consent page's URL, to which adding a connection leads."""
        answer = self.browser.post(
            reverse("connections:connect"),
            {"provider": "pagerduty", "label": label, "workspace": str(workspace.pk)} | form,
        )
        assert answer.status_code == 302, answer.content
        return str(answer["Location"])

    def start_again(self, connection: Connection, **form: str) -> str:
        answer = self.browser.post(reverse("connections:reconnect", args=[connection.pk]), form)
        assert answer.status_code == 302, answer.content
        return str(answer["Location"])

    def come_back(self, back: str) -> Any:
        """Our answer to the callback."""
        parts = urlsplit(back)
        return self.browser.get(f"{parts.path}?{parts.query}")

    def connect(
        self, workspace: Workspace, label: str = "Acme", *, optional: Collection[str] = (), **consent: str
    ) -> Connection:
        form = {f"optional_{key}": "on" for key in optional}
        answer = self.come_back(decide(self.start(workspace, label, **form), **consent))
        assert answer.status_code == 302, answer.content
        return Connection.objects.select_related("grant").get(workspace=workspace, label=label)


def decide(url: str, user: str = "PUSER00", decision: str = "allow") -> str:
    """Press a button on the consent page; answers the URL that leads back to us."""
    parts = urlsplit(url)
    form = dict(parse_qsl(parts.query)) | {"user": user, "decision": decision}
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(url, timeout=5).ok
        answer = session.post(url.partition("?")[0], data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def consented(
    person: User,
    workspace: Workspace,
    sandbox: Sandbox,
    label: str = "Acme",
    *,
    optional: Collection[str] = (),
) -> Connection:
    """What `Dance(person).connect(…)` leaves behind, without its five requests: for tests of what comes after.

    tests/pagerduty_app/oauth/test_connecting.py compares the two.
    """
    provider = registry.get("pagerduty")
    roles = dict(person.memberships.values_list("account", "role"))
    actor = Actor(kind="user", label=person.email, user_id=person.pk, roles=roles, ip="127.0.0.1")
    connection = Connection.objects.create(workspace=workspace, provider=provider.key, label=label)
    audit.record(actor, "connection.started", connection=connection)
    asked = provider.asked_scopes(own_app=False, optional=optional)
    allowed = SCOPES if sandbox.faults.scopes is None else sandbox.faults.scopes
    consent = {
        "client": settings.PAGERDUTY_CLIENT_ID,
        "redirect_uri": "",
        "challenge": "",
        "scopes": [scope for scope in asked if scope in allowed],
        "user": "PUSER00",
        "account": "PACME01",
    }
    code = sandbox.tokens.new_code(consent)
    given = sandbox.tokens.use_code(code, client=settings.PAGERDUTY_CLIENT_ID, redirect_uri="", verifier="")
    theirs = sandbox.tokens.grant_of(given["access_token"])
    assert theirs is not None
    ending = authorise(
        actor=actor,
        connection=connection,
        identity=registry.Identity("PACME01", "acme", "PUSER00", "us", theirs["id"]),
        tokens=registry.Tokens(
            access_token=given["access_token"],
            refresh_token=given["refresh_token"],
            scopes=given["scope"].split(),
            expires_at=clock.now() + timedelta(seconds=given["expires_in"]),
        ),
        scopes_asked=asked,
    )
    assert ending in (Ending.CONNECTED, Ending.PARTIAL), ending
    return Connection.objects.select_related("grant").get(pk=connection.pk)
