"""The health of workflows: whether anything can start them, whether their steps can act, how the last run ended."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Subquery

from connections.extension_points.health import Health
from connections.models import Connection
from core.db.latest_per_group import newest_of
from workflows import catalog
from workflows.models import Run, Subscription, Trigger, TriggerSecret, Workflow

_Status = Workflow.Status
_health = partial(Health.known, "workflow")
_NOT_ACTIVE = {
    _Status.ARCHIVED: _health("archived", "Nothing starts it."),
    _Status.DRAFT: _health("draft", "Publish it to start runs."),
    _Status.PAUSED: _health("paused", "Resume it to start runs."),
}
_SAFETY = _health("paused_for_safety", "It started too many runs; they are queued until you resume it.")


def judge(rows: list[Workflow]) -> dict[Any, Health]:
    """Three queries: the workflows with their triggers, the last runs, the connections of the steps."""
    facts = list(_with_facts([row.pk for row in rows]))
    ended = Run.objects.only("status", "error", "finished_at", "workflow")
    runs = ended.in_bulk([row.last_ended for row in facts if row.last_ended])
    used = {key for row in facts if row.live for key in connections_of(row.live.definition)}
    connections = Connection.objects.only("label", "status").in_bulk(used)
    return {row.pk: _of(row, runs.get(row.last_ended), connections) for row in facts}


def _with_facts(keys: list[Any]) -> Any:
    real = Run.objects.real().filter(
        status__in=[Run.Status.COMPLETED, Run.Status.FAILED], event__is_test=False
    )
    secrets = TriggerSecret.objects.filter(trigger=OuterRef("trigger"), retired_at__isnull=True)
    off = Subscription.objects.filter(trigger=OuterRef("trigger"), status="on").exclude(trouble="")
    rows = Workflow.objects.filter(pk__in=keys).select_related("live", "trigger__connection")
    return rows.annotate(
        last_ended=Subquery(newest_of(real, "workflow_id").values("pk")[:1]),
        has_secret=Exists(secrets),
        webhook_off=Exists(off),
    )


def connections_of(definition: dict[str, Any]) -> set[UUID]:
    """The connections that the steps of a definition act on."""
    return {UUID(step["connection"]) for step in definition.get("steps", []) if step.get("connection")}


def _of(workflow: Any, last: Run | None, connections: Mapping[UUID, Connection]) -> Health:
    if workflow.pause_reason == Workflow.PauseReason.SAFETY:
        found = _SAFETY
    elif workflow.status in _NOT_ACTIVE:
        found = _NOT_ACTIVE[workflow.status]
    else:
        found = _cannot_start(workflow) or _cannot_act(workflow, connections) or _last_run(last)
    changed = workflow.live is not None and workflow.draft != workflow.live.definition
    if changed and workflow.status != _Status.ARCHIVED:
        return replace(found, words=f"{found.words} · unpublished changes")
    return found


def _cannot_start(workflow: Any) -> Health | None:
    trigger: Trigger = workflow.trigger
    reasons = {
        "its trigger was deleted": trigger.deleted_at is not None,
        f"connection {trigger.connection.label} was revoked": trigger.connection.status == "revoked",
        "its trigger is closed": trigger.status == Trigger.Status.CLOSED,
        "its trigger is paused": trigger.status == Trigger.Status.PAUSED,
        "its trigger needs a signing secret": not workflow.has_secret and not catalog.polled(trigger.key),
        "the webhook of its trigger is disabled": workflow.webhook_off,
    }
    reason = next((words for words, holds in reasons.items() if holds), "")
    return _cannot_run(reason) if reason else None


def _cannot_act(workflow: Any, connections: Mapping[UUID, Connection]) -> Health | None:
    used = connections_of(workflow.live.definition) if workflow.live else set()
    by_status: dict[str, str] = {}
    for key in used:
        row = connections.get(key)
        by_status.setdefault(row.status if row else "gone", row.label if row else "")
    if "gone" in by_status:
        return _cannot_run("a connection of its steps was deleted")
    if "revoked" in by_status:
        return _cannot_run(f"connection {by_status['revoked']} was revoked")
    waiting = by_status.get("error", by_status.get("pending"))
    if waiting is not None:
        reason = f"Its runs wait until connection {waiting} is reconnected."
        return _health("waiting", reason)
    return None


def _cannot_run(reason: str) -> Health:
    return _health("cannot_run", f"Cannot run: {reason}.")


def _last_run(last: Run | None) -> Health:
    if last is None:
        return _health("active", "No runs yet.")
    if last.status == Run.Status.FAILED:
        error = last.error if isinstance(last.error, dict) else {}
        reason = f"Last run failed: {error.get('message', '')}".strip()
        return _health("failing", reason, last.finished_at)
    return _health("active", "Last run completed.", last.finished_at)
