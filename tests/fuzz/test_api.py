"""Every operation of the OpenAPI document, asked what it allows: each response is in that document too."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import responses
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given, reject
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from connections.accounts import api_keys
from connections.models import Connection
from connections.tenancy.permissions import SCOPES
from taskjuice.wsgi import application
from tests.factories import API, SYSTEM, note_step
from tests.fuzz.amounts import examples
from tests.fuzz.figures import Noted
from tests.fuzz.mutations import mutated
from tests.world import World, world
from workflows import catalog

pytestmark = pytest.mark.django_db
PER_OPERATION = 300
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def _schema() -> Any:
    generator: Any = SchemaGenerator  # its methods have no types
    document = generator().get_schema(request=None, public=True)
    # Through JSON: parts of it are lazy texts.
    loaded = schemathesis.openapi.from_dict(json.loads(json.dumps(document, default=str)))
    loaded.app = application
    return loaded


SCHEMA = _schema()
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}


# Ids of rows that are there, by the name of a parameter or of a property of a body.
_NAMED = {
    "connection": "connection_id", "trigger": "trigger_id", "workflow": "workflow_id", "event": "event_id",
    "workspace": "workspace_id", "after": "event_id",
}  # fmt: skip


class Callers:
    """One of everything, and two who may do anything with it: a key, and a person with a browser."""

    def __init__(self, there: World) -> None:
        self.there = there
        _, key = api_keys.create_key(actor=SYSTEM, workspace=there.who.acme, name="Fuzz", scopes=list(SCOPES))
        browser = Client()
        browser.force_login(there.who.alice, backend="django.contrib.auth.backends.ModelBackend")
        token = "a" * 32
        cookies = {"sessionid": browser.cookies["sessionid"].value, "csrftoken": token}
        self.credentials: list[dict[str, dict[str, str]]] = [
            {"headers": {"Authorization": f"Bearer {key}"}, "cookies": {}},
            {"headers": {"X-CSRFToken": token}, "cookies": cookies},
        ]

    def named(self, names: Any) -> dict[str, str]:
        ids = self.there.ids
        return {name: ids[_NAMED.get(name, name)] for name in names if _NAMED.get(name, name) in ids}


@pytest.fixture
def callers(db: None) -> Callers:
    return Callers(world())


@pytest.fixture(autouse=True)
def _no_request_ends_the_tests_transaction() -> Iterator[None]:
    """As Django's own test client has it."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


class Provider:
    """It answers everything with `says`."""

    says: tuple[int, dict[str, str], str] = (404, {}, "{}")

    def answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        return self.says


_USER = {"id": "PUSER", "type": "user", "email": "dana@acme.example", "name": "Dana"}
_SOMETHING = {
    "users": [_USER], "user": _USER, "incidents": [], "services": [{"id": "PSVC1", "summary": "\u0000\ud800"}],
    "incident": {"id": "PINC1", "status": "triggered"}, "note": {"id": "PNOTE1", "content": "…"}, "notes": [],
    "schedules": [], "schedule": {"id": "PSCHED1"}, "limit": 100, "offset": 0, "more": False, "total": None,
}  # fmt: skip
_ANSWERS: list[tuple[int, dict[str, str], str]] = [(200, {}, json.dumps(_SOMETHING))] * 4 + [
    (200, {}, "{}"),
    (200, {}, "[" * 5000),
    (201, {}, ""),
    (429, {"Retry-After": "60"}, "{}"),
    *[
        (status, {}, json.dumps({"error": {"code": 2001, "message": "\ud800", "errors": ["x"]}}))
        for status in (400, 401, 402, 403, 404, 409, 418, 500, 503)
    ],
]


@pytest.fixture(autouse=True)
def provider() -> Iterator[Provider]:
    made = Provider()
    hosts = (API, settings.PAGERDUTY_IDENTITY_URL)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as outside:
        for method in ("GET", "POST", "PUT", "DELETE"):
            for host in dict.fromkeys(hosts):
                outside.add_callback(method, re.compile(re.escape(host)), made.answer)
        yield made


def _better(case: Any, callers: Callers, data: Any) -> None:
    """Mostly it speaks of rows that are there, and asks for what there is."""
    if data.draw(st.integers(0, 9)):
        case.path_parameters = {**(case.path_parameters or {}), **callers.named(case.path_parameters or {})}
    for part in (case.query, case.body):
        if isinstance(part, dict) and data.draw(st.booleans()):
            part.update(callers.named(part))
    samples = _SAMPLES.get(case.operation.label)
    if samples and data.draw(st.integers(0, 3)):
        case.body = data.draw(mutated(samples(callers)))


def _workflows(callers: Callers) -> list[Any]:
    steps = [note_step(Connection(pk=callers.there.ids["connection_id"]))]
    conditions = {"match": "any", "rows": [["trigger.incident.id", "exists", True]]}
    return [
        {
            "name": "Fuzz",
            "trigger": callers.there.ids["trigger_id"],
            "steps": steps,
            "conditions": conditions,
            "publish": True,
        },
        {"steps": steps, "conditions": conditions},
    ]


_SAMPLES: dict[str, Any] = {
    "POST /api/v1/workflows/": _workflows,
    "PATCH /api/v1/workflows/{workflow_id}/": _workflows,
    "POST /api/v1/connections/{connection_id}/actions/{provider}/{action}/": lambda callers: [
        {**action.sample_input, "all": False} if "limit" in action.sample_input else action.sample_input
        for known in catalog.integrations()
        for action in known.actions.values()
    ],
}


def _can_be_sent(body: Any) -> bool:
    """JSON has no infinity, and UTF-8 no half of a surrogate pair."""
    try:
        json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    except TypeError:
        return True  # there is none, or it is no JSON at all
    return True


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_every_answer_is_documented_and_none_is_our_fault(
    label: str, callers: Callers, provider: Provider, noted: Noted
) -> None:
    operation, asked, welcome = OPERATIONS[label], 0, Counter[bool]()

    @given(case=operation.as_strategy(), data=st.data())
    @examples(PER_OPERATION)
    def ask(case: Any, data: Any) -> None:
        nonlocal asked
        asked += 1
        provider.says = data.draw(st.sampled_from(_ANSWERS))
        _better(case, callers, data)
        if not _can_be_sent(case.body):
            reject()
        case.cookies = {}
        case.headers.pop("Authorization", None)
        with transaction.atomic():
            answer = case.call(**data.draw(st.sampled_from(callers.credentials)))
            transaction.set_rollback(True)
        welcome[answer.status_code != 401] += 1
        # 502 and 503 are a provider's trouble, and documented where there is one.
        assert answer.status_code != 500
        case.validate_response(answer, checks=CHECKS)

    with noted.at_least(f"answers to {label} as documented, none 5xx", 1, lambda: asked):
        ask()
    assert not welcome[False], "all of it comes through the door"
