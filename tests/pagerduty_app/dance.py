"""Connecting as a person does it: our pages by the test client, PagerDuty's by real HTTP to the sandbox."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from django.test import Client
from django.urls import reverse

from connections.models import Connection, User, Workspace


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
        self, workspace: Workspace, label: str = "Acme", *, optional: bool = False, **consent: str
    ) -> Connection:
        form = {"optional_scopes": "on"} if optional else {}
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
