"""The receiver stores every signed delivery, with any content; an unsigned one leaves no trace."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from connections.models import Connection
from pagerduty_app import signatures
from pagerduty_app.sandbox.world.event_types import EVENT_TYPES
from tests.factories import SECRET, SYSTEM, incident_event, list_step, publish
from tests.fuzz.amounts import amount, examples
from tests.fuzz.figures import Noted
from tests.fuzz.mutations import damaged, texts
from workflows import catalog
from workflows.engine import fanout
from workflows.inbox import secrets
from workflows.models import Event, HeldDelivery, Run, Trigger, TurnedAway
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
SIGNED, UNSIGNED = 10_000, 100_000


def _genuine() -> list[Any]:
    """Bodies as PagerDuty sends them: the catalog's samples, and one of each type where its files are there."""
    known = catalog.integration("pagerduty").triggers.values()
    found = [incident_event(), *(found.sample for found in known)]
    folder = os.environ.get("PAGERDUTY_EVENTS", "")
    return found + [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.json")) if folder]


class Sender:
    """Posts to the URL of a trigger, raw, as any client that knows it could."""

    def __init__(self, to: Trigger) -> None:
        self.path = f"/hooks/pagerduty/{to.token}"
        self._client = Client(raise_request_exception=False)

    def send(self, body: bytes, signature: str | None, *, method: str = "post", **headers: Any) -> int:
        if signature is not None:
            headers["HTTP_X_PAGERDUTY_SIGNATURE"] = signature
        kind = headers.pop("CONTENT_TYPE", "application/json")
        status: int = self._client.generic(
            method.upper(), self.path, body, content_type=kind, **headers
        ).status_code
        return status


def _rows() -> list[int]:
    return [rows.objects.count() for rows in (Event, HeldDelivery, Run)]


@pytest.fixture
def every_kind(connection: Connection) -> list[Trigger]:
    """A trigger with a workflow of each kind that is posted to; more often those that start on several types."""
    made, several = [], 8
    incidents = [kind for kind in EVENT_TYPES if kind.startswith("incident.")][:20]
    for key, kind in catalog.integration("pagerduty").triggers.items():
        if not catalog.polled(key):
            chosen = {kind.event_types_option: incidents} if kind.event_types_option else {}
            options = {"minutes": 10} if kind.deadline else chosen
            made.append(
                lifecycle.create(actor=SYSTEM, connection=connection, key=key, name=key, options=options)
            )
            secrets.add_secret(actor=SYSTEM, trigger=made[-1], secret=SECRET)
            of_incident = "incident" in kind.output_schema["properties"]
            field = "trigger.incident.title" if of_incident else "trigger.service.summary"
            publish(
                made[-1],
                connection,
                conditions={"match": "all", "rows": [[field, "contains", "a"]]},
                **({} if of_incident else {"steps": [list_step(connection)]}),
            )
            made += made[-1:] * several if chosen else []
    return made


def test_every_signed_body_is_kept_and_none_stops_the_workers(
    every_kind: list[Trigger], noted: Noted
) -> None:
    senders = [Sender(trigger) for trigger in every_kind]
    turned: list[int] = []
    sent = 0

    @given(
        body=st.one_of(damaged(_genuine()), damaged(_genuine()), st.binary(max_size=300)),
        accept=st.sampled_from(["*/*", "text/html", "", "é", "application/xml;q=0"]),
        kind=st.sampled_from(
            ["application/json", "text/plain", "", "multipart/form-data; boundary=x", "a/b; charset=é"]
        ),
        to=st.sampled_from(senders),
    )
    @examples(SIGNED, least=100)
    def deliver(body: bytes, accept: str, kind: str, to: Sender) -> None:
        nonlocal sent
        sent += 1
        status = to.send(body, signatures.sign(body, SECRET), HTTP_ACCEPT=accept, CONTENT_TYPE=kind)
        turned.extend([status] * (status != 202))
        assert status == 202

    with noted.at_least("signed bodies delivered", amount(SIGNED, 100), lambda: sent):
        deliver()
    noted.exactly("of them answered 4xx or 5xx", 0, len(turned))
    while fanout.fan_out_due():
        pass
    stuck = Event.objects.exclude(status__in=["done", "ignored", "filtered"])
    noted.exactly("of them that stopped a worker", 0, stuck.count())
    assert Event.objects.count() > 20
    assert Run.objects.exists(), "some of them started a workflow"


_METHODS = ["post"] * 12 + ["get", "put", "patch", "delete", "head", "options", "trace", "PROPFIND", "x"]


@st.composite
def _signatures(draw: st.DrawFn) -> str | None:
    """Nothing, noise, or what looks like one without the secret."""
    digest = draw(st.binary(min_size=32, max_size=32)).hex()
    return draw(
        st.one_of(
            st.none(),
            texts.map(lambda text: text.encode("latin-1", "replace").decode("latin-1")),
            st.just(f"v1={digest}"),
            st.just(f"v1={digest[:-1]},v1={digest.upper()},v0={digest}"),
            st.sampled_from(
                ["v1=", "v1", ",", "v1=" * 300, signatures.sign(b"", SECRET), signatures.sign(b"{}", "guess")]
            ),
        )
    )


@pytest.mark.slow
def test_nothing_unsigned_is_taken_and_nothing_of_it_stays(
    trigger: Trigger, connection: Connection, noted: Noted
) -> None:
    closed = lifecycle.create(actor=SYSTEM, connection=connection, key=trigger.key, name="Closed")
    secrets.add_secret(actor=SYSTEM, trigger=closed, secret=SECRET)
    Trigger.objects.filter(pk=closed.pk).update(status="closed")
    senders, before = [Sender(trigger), Sender(closed)], _rows()
    accepted, broken, sent = 0, 0, 0

    @given(
        # Not the empty one: among the signatures is its own.
        body=st.one_of(st.binary(max_size=200), damaged(_genuine())).filter(bool),
        signature=_signatures(),
        method=st.sampled_from(_METHODS),
        to=st.sampled_from(senders),
        more=st.fixed_dictionaries(
            {},
            optional={
                "HTTP_TRANSFER_ENCODING": st.just("chunked"),
                "HTTP_CONTENT_ENCODING": st.just("gzip"),
                "HTTP_AUTHORIZATION": st.just("Bearer tj_x"),
                "HTTP_X_HTTP_METHOD_OVERRIDE": st.just("POST"),
                "HTTP_X_WEBHOOK_ID": st.just("1"),
            },
        ),
    )
    @examples(UNSIGNED, least=100)
    def attack(body: bytes, signature: str | None, method: str, to: Sender, more: dict[str, str]) -> None:
        nonlocal accepted, broken, sent
        sent += 1
        status = to.send(body, signature, method=method, **more)
        # A 200 to OPTIONS says which methods there are; it takes nothing.
        accepted += status < 300 and method != "options"
        broken += status >= 500
        assert status in (401, 405, 413, 429) or method == "options"

    with noted.at_least("unsigned requests sent", amount(UNSIGNED, 100), lambda: sent):
        attack()
    noted.exactly("of them accepted", 0, accepted)
    noted.exactly("of them answered 5xx", 0, broken)
    noted.exactly("rows that they left in the inbox", 0, sum(_rows()) - sum(before))
    assert TurnedAway.objects.count() < 100
