"""Which scopes an API key needs for each operation of the API; what makes actions happen needs `actions:run`."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, resolve

from connections.accounts import api_keys
from connections.api.endpoints import Endpoint
from connections.tenancy.permissions import SCOPES
from tests.factories import SYSTEM
from tests.scenarios.test_routes import WITH_KEY
from tests.world import World
from workflows.models import Run, Trigger, Workflow

_V1 = "api/v1/"
_ACT = "workflows:write actions:run"
_METHODS = ("get", "post", "patch", "put", "delete")
TABLE = {
    "get action-calls/<uuid:call_id>/": "actions:run",
    "get catalog/": "connections:read",
    "get connections/": "connections:read",
    "get connections/<uuid:connection_id>/": "connections:read",
    "post connections/<uuid:connection_id>/actions/<slug:provider>/<slug:action>/": "actions:run",
    "post connections/<uuid:connection_id>/check/": "connections:write",
    "get connections/<uuid:connection_id>/lookups/<slug:provider>/<slug:name>/": "actions:run",
    "post connections/<uuid:connection_id>/revoke/": "connections:write",
    "get events/": "triggers:read",
    "get events/<uuid:event_id>/": "triggers:read",
    "post events/<uuid:event_id>/requeue/": _ACT,
    "get hooks/": "hooks:read",
    "post hooks/": "hooks:write",
    "get hooks/<uuid:hook_id>/": "hooks:read",
    "patch hooks/<uuid:hook_id>/": "hooks:write",
    "delete hooks/<uuid:hook_id>/": "hooks:write",
    "get hooks/<uuid:hook_id>/deliveries/": "hooks:read",
    "post hooks/<uuid:hook_id>/deliveries/<uuid:delivery_id>/replay/": "hooks:write",
    "post hooks/<uuid:hook_id>/secrets/": "hooks:write",
    "post hooks/<uuid:hook_id>/test/": "hooks:write",
    "get retention/": "workflows:read",
    "get runs/": "workflows:read",
    "get runs/<uuid:run_id>/": "workflows:read",
    "post runs/<uuid:run_id>/cancel/": "workflows:write",
    "post runs/<uuid:run_id>/pause/": "workflows:write",
    "post runs/<uuid:run_id>/replay/": _ACT,
    "post runs/<uuid:run_id>/resume/": _ACT,
    "post runs/replay/": _ACT,
    "get runs/replay/<uuid:replay_id>/": "workflows:read",
    "post runs/replay/<uuid:replay_id>/cancel/": "workflows:write",
    "get triggers/": "triggers:read",
    "post triggers/": "triggers:write",
    "get triggers/<uuid:trigger_id>/": "triggers:read",
    "patch triggers/<uuid:trigger_id>/": "triggers:write",
    "delete triggers/<uuid:trigger_id>/": "triggers:write",
    "post triggers/<uuid:trigger_id>/secrets/": "triggers:write",
    "delete triggers/<uuid:trigger_id>/secrets/<uuid:secret_id>/": "triggers:write",
    "post triggers/<uuid:trigger_id>/test/": "triggers:write",
    "post triggers/<uuid:trigger_id>/webhook/": "triggers:write",
    "post triggers/<uuid:trigger_id>/webhook/rotate/": "triggers:write",
    "get workflows/": "workflows:read",
    "post workflows/": "workflows:write",
    "get workflows/<uuid:workflow_id>/": "workflows:read",
    "patch workflows/<uuid:workflow_id>/": "workflows:write",
    "get workflows/<uuid:workflow_id>/diff/": "workflows:read",
    "post workflows/<uuid:workflow_id>/duplicate/": "workflows:write",
    "get workflows/<uuid:workflow_id>/export/": "workflows:read",
    "post workflows/<uuid:workflow_id>/publish/": _ACT,
    "post workflows/<uuid:workflow_id>/rollback/": _ACT,
    "get workflows/<uuid:workflow_id>/versions/": "workflows:read",
    "get workflows/<uuid:workflow_id>/versions/<int:number>/": "workflows:read",
    "post workflows/import/": "workflows:write",
    "post workflows/<uuid:workflow_id>/test/": "workflows:write",
}


@pytest.fixture
def there(world_made_once: World, db: None) -> World:
    return world_made_once


def ask(world: World, operation: str, scopes: set[str], body: dict[str, Any] | None = None) -> Any:
    """That operation with a key that has those scopes, its effects undone."""
    method, _, route = operation.partition(" ")
    with transaction.atomic():
        _, key = api_keys.create_key(actor=SYSTEM, workspace=world.who.acme, name="n", scopes=sorted(scopes))
        sent = {} if method == "get" else {"content_type": "application/json", "data": body or {}}
        answer = getattr(Client(), method)(
            world.path(_V1 + route), headers={"Authorization": f"Bearer {key}"}, **sent
        )
        transaction.set_rollback(True)
    return answer


def refused_scope(answer: Any) -> str | None:
    """The scope that the answer says is missing."""
    error = answer.json().get("error", {}) if answer.status_code == 403 else {}
    return error["detail"]["scope"] if error.get("code") == "insufficient_scope" else None


def _patterns(patterns: Any = None, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            found[path] = pattern.callback
        else:
            found |= _patterns(pattern.url_patterns, path)
    return found


def test_every_operation_is_in_the_table() -> None:
    views = _patterns()
    operations = {
        f"{method} {route.removeprefix(_V1)}"
        for route in WITH_KEY
        for method in _METHODS
        if hasattr(views[route].view_class, method)
    }

    assert operations == set(TABLE)


@pytest.mark.parametrize("operation", TABLE)
def test_a_key_needs_each_scope_of_the_table_and_no_other(there: World, operation: str) -> None:
    method, _, route = operation.partition(" ")
    wanted = TABLE[operation].split()
    func: Any = resolve(there.path(_V1 + route)).func
    view = func.view_class

    assert issubclass(view, Endpoint)
    assert view.scopes_for(method.upper()) == tuple(wanted)
    for scope in wanted:
        assert refused_scope(ask(there, operation, set(SCOPES) - {scope})) == scope


@pytest.mark.parametrize("was", ["archived", "paused"])
def test_resuming_a_workflow_needs_the_scope_that_actions_need(there: World, was: str) -> None:
    workflow = Workflow.objects.get()
    Workflow.objects.filter(pk=workflow.pk).update(status=was)
    operation = "patch workflows/<uuid:workflow_id>/"

    refused = ask(there, operation, {"workflows:write"}, {"status": "active"})

    assert refused_scope(refused) == "actions:run"
    workflow.refresh_from_db()
    assert workflow.status == was
    assert ask(there, operation, set(_ACT.split()), {"status": "active"}).status_code == 200
    assert ask(there, operation, {"workflows:write"}, {"status": "archived"}).status_code == 200


def test_publishing_while_creating_needs_it_too(there: World) -> None:
    trigger = str(Trigger.objects.get().pk)
    workflow = Workflow.objects.get()
    body = {"trigger": trigger, "name": "New", **workflow.draft, "publish": True}

    refused = ask(there, "post workflows/", {"workflows:write"}, body)

    assert refused_scope(refused) == "actions:run"
    assert ask(there, "post workflows/", {"workflows:write"}, body | {"publish": False}).status_code == 201


def test_a_holder_of_a_new_secret_could_start_what_is_published(there: World) -> None:
    """Who adds a signing secret can sign deliveries; where nothing is published these start nothing."""
    operation, body = "post triggers/<uuid:trigger_id>/secrets/", {"secret": "another-secret-of-mine"}

    assert refused_scope(ask(there, operation, {"triggers:write"}, body)) == "actions:run"
    assert ask(there, operation, {"triggers:write", "actions:run"}, body).status_code == 201

    Run.objects.all().delete()
    Workflow.objects.update(live=None, status="draft")
    assert ask(there, operation, {"triggers:write"}, body).status_code == 201
