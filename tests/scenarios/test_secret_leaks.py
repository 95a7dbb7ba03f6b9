"""Secrets never leave: each one that the product has is looked for, in several spellings, in everything it leaves.

A secret is allowed in one place only: the page that shows it this one time, or the mail that it is the link of.
"""

import base64
import io
import json
import logging
import re
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.endpoints import Endpoint
from connections.grants import oauth_apps
from connections.mail import outbox
from connections.models import ApiKey, ClientLink, Connection, Grant, Invitation, Workspace
from core.crypto import reveal
from pagerduty_app.sandbox.sandbox import Sandbox
from pagerduty_app.signatures import sign
from taskjuice.logs import logging_config
from tests.factories import SYSTEM
from tests.scenarios.test_routes import ADMINS, MEMBERS, WITH_KEY
from tests.support.consent import Dance, decide
from tests.world import SECRET, World, world
from workflows import worker
from workflows.models import Hook
from workflows.outgoing import endpoints
from workflows.triggers import lifecycle

OWN_SECRET = "own-app-client-secret-4f8a91c2"
WRONG = "wrong-signing-secret-that-somebody-pasted"


def broken(request: HttpRequest) -> HttpResponse:
    """A page that fails with secrets in its hands, and in what it was sent."""
    token = reveal(Grant.objects.filter(access_token__isnull=False).earliest("obtained_at"), "access_token")
    sent = request.POST.get("secret")
    raise RuntimeError(f"broke with {len(token)} and {len(sent or '')} characters in hand")


class Broken(Endpoint):
    def post(self, request: Request) -> Response:
        token = reveal(
            Grant.objects.filter(access_token__isnull=False).earliest("obtained_at"), "access_token"
        )
        raise RuntimeError(f"broke with {len(token)} characters in hand, sent {len(request.data)}")


urlpatterns = [
    path("broken/", broken),
    path("api/v1/broken/", Broken.as_view()),
    path("", include("taskjuice.urls")),
]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def spellings(secret: str) -> set[str]:
    """As it is, percent-coded, in hex, and what base64 makes of it wherever in a text it begins."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), raw.hex(), json.dumps(secret)[1:-1]}
    for shift in range(3):
        for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
            # What its neighbours have a part in is left out at both ends.
            found.add(alphabet(b"\0" * shift + raw).decode()[(0, 2, 3)[shift] :].rstrip("=")[:-2])
    return found


def leaks(secrets: dict[str, str], text: str) -> list[str]:
    return [name for name, secret in secrets.items() if any(one in text for one in spellings(secret))]


def test_the_search_finds_what_it_is_to_find() -> None:
    for text in ("x tj_a_secret+1/2 y", "dGpfYV9zZWNyZXQrMS8y", quote("tj_a_secret+1/2", safe="")):
        assert leaks({"key": "tj_a_secret+1/2"}, text) == ["key"], text
    for before in ("", "a", "ab", "abc"):
        text = base64.b64encode(f"{before}tj_a_secret+1/2 and more".encode()).decode()
        assert leaks({"key": "tj_a_secret+1/2"}, text) == ["key"], before
    assert leaks({"key": "tj_a_secret+1/2"}, "tj_another_secret") == []


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Every log line as a server writes it, of every level."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    how = dict(logging_config(json=True)["formatters"]["line"])
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(**{k: v for k, v in how.items() if k != "()"}))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def there(sandbox: Sandbox) -> World:
    return world()


def everything_stored() -> Iterator[tuple[str, str]]:
    """Each row of each table, and what sessions and queued tasks hold in their own coding."""
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                cells = [
                    bytes(cell).decode("latin-1") if isinstance(cell, (bytes, memoryview)) else cell
                    for cell in row
                ]
                yield table, repr(cells)
    for session in Session.objects.all():
        yield "session", repr(session.get_decoded())
    for task in OrmQ.objects.all():
        yield "task", repr(SignedPackage.loads(task.payload))


def _readable(cell: Any) -> Any:
    return bytes(cell).decode("latin-1") if isinstance(cell, bytes | memoryview) else cell


def live(there: World, written: io.StringIO) -> tuple[dict[str, str], Client]:
    """Everything that takes or makes a secret, once. Return all secrets by their names, and Alice's browser."""
    who = there.who
    alice = Dance(who.alice)
    connection = alice.connect(Workspace.objects.create(account=who.agency, name="Canary"), "Canary")
    consent = alice.start_again(connection)
    back = decide(consent)
    code = re.search(r"[?&]code=([^&]+)", back)
    assert code is not None
    alice.come_back(back)
    alice.come_back(back)  # a reload
    refused = alice.come_back(decide(alice.start_again(connection), decision="deny"))
    assert refused.status_code == 200
    connection.grant.refresh_from_db()

    form = {
        "name": "Canary",
        "workspace": str(connection.workspace_id),
        "scopes": ["actions:run"],
        "days": "90",
    }
    made = alice.browser.post("/settings/api-keys/add/", {"_once": uuid.uuid4().hex} | form)
    key = re.search(r">(tj_[0-9a-f_]+)</textarea>", made.content.decode())
    assert key is not None
    api = {"Authorization": f"Bearer {key[1]}"}
    run = f"/api/v1/connections/{connection.pk}/actions/pagerduty/list-services/"
    assert Client().post(run, {}, content_type="application/json", headers=api).status_code == 200
    wrong = {"Authorization": f"Bearer {key[1]}x"}
    assert Client().get("/api/v1/connections/", headers=wrong).status_code == 401

    workspace = connection.workspace
    oauth_apps.store(
        actor=SYSTEM, workspace=workspace, provider="pagerduty", client_id="own", client_secret=OWN_SECRET
    )
    trigger = lifecycle.create(
        actor=SYSTEM, connection=connection, key="pagerduty/incident-triggered", name="Canary"
    )
    url = f"/triggers/{trigger.pk}/secrets/"
    alice.browser.post(url, {"secret": WRONG})
    hook = Hook.objects.get(pk=there.ids["hook_id"])
    _, hook_secret = endpoints.rotate(actor=SYSTEM, hook=hook)
    body = json.dumps(
        {"event": {"id": "E1", "event_type": "incident.triggered", "data": {"id": "P1"}}}
    ).encode()
    receive = f"/hooks/pagerduty/{there.ids['token']}"
    for signature in (sign(body, SECRET), sign(body, "another"), ""):
        Client().post(
            receive, body, content_type="application/json", headers={"X-PagerDuty-Signature": signature}
        )
    alice.browser.post("/settings/people/", {"email": "canary@agency.example", "role": "member"})
    outbox.send_due()
    worker.drain(2)

    loud = Client(raise_request_exception=False)
    loud.cookies = alice.browser.cookies
    assert loud.post("/broken/", {"secret": WRONG}).status_code == 500
    failed = loud.post("/api/v1/broken/", {"secret": WRONG}, content_type="application/json", headers=api)
    assert failed.status_code == 500
    assert "broke with" in written.getvalue()
    tokens = {
        f"{field} {grant.pk}": reveal(grant, field)
        for grant in Grant.objects.filter(access_token__isnull=False)
        for field in ("access_token", "refresh_token")
    }
    assert len(tokens) >= 4
    secrets = tokens | {
        "client secret": "sandbox-client-secret",
        "own client secret": OWN_SECRET,
        "API key": key[1].rpartition("_")[2],
        "signing secret": SECRET,
        "signing secret that was pasted": WRONG,
        "code": code[1],
        "hook secret": hook_secret.removeprefix("whsec_"),
        "session": str(alice.browser.session.session_key),
    }
    return secrets, alice.browser


def links() -> dict[str, str]:
    """The secrets of invitations and client links."""
    rows = [
        *Invitation.objects.filter(secret__isnull=False),
        *ClientLink.objects.filter(secret__isnull=False),
    ]
    return {f"link {row.pk}": reveal(row, "secret") for row in rows}


@pytest.mark.slow
def test_no_secret_is_found_in_anything_that_the_product_leaves(there: World, written: io.StringIO) -> None:
    secrets, alice = live(there, written)
    assert all(len(secret) >= 12 for secret in secrets.values()), secrets

    found: list[tuple[str, list[str]]] = []
    for table, row in everything_stored():
        known = {
            name: value for name, value in secrets.items() if not (name == "session" and "session" in table)
        }
        found.append((table, leaks(known | links(), row)))
    found.append(("log", leaks(secrets | links(), written.getvalue())))
    for sent in mail.outbox:
        found.append(("mail", leaks(secrets, str(sent.message()))))
    pages = 0
    for route in sorted(MEMBERS | ADMINS | WITH_KEY):
        answer: Any = alice.get(there.path(route))
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        pages += answer.status_code == 200
        found.append((route, leaks(secrets, text.decode() + repr(answer.headers))))
    for url in (
        "/settings/audit/?format=csv",
        f"/settings/connections/{Connection.objects.get(label='Canary').pk}/",
    ):
        answer = alice.get(url)
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        found.append((url, leaks(secrets, text.decode())))

    assert [one for one in found if one[1]] == []
    assert pages > 60
    assert len(links()) >= 2
    assert mail.outbox
    assert ApiKey.objects.filter(name="Canary").exists()


def test_what_the_browser_keeps_is_no_secret_of_ours(there: World, written: io.StringIO) -> None:
    """Cookies: the session's key, which is a secret of the browser's, and messages that a page is about to show."""
    secrets, alice = live(there, written)
    kept = {name: morsel.value for name, morsel in alice.cookies.items()}

    del secrets["session"]
    assert leaks(secrets, repr(kept)) == []
    unpacked = {name: _unpacked(value) for name, value in kept.items()}
    assert leaks(secrets, repr(unpacked)) == []
    assert {name for name, text in unpacked.items() if text} <= {"messages"}


def _unpacked(value: str) -> str:
    """Return the text of a cookie that Django has compressed; "" for any other."""
    with suppress(zlib.error, ValueError):
        return zlib.decompress(base64.urlsafe_b64decode(value.lstrip(".").partition(":")[0] + "==")).decode()
    return ""
