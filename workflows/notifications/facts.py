"""Writing down what people may want to be notified of. Each is called in the transaction of what happened."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.db.models import prefetch_related_objects
from django.urls import reverse

from connections.models import NotificationFact
from connections.notifications import facts
from core.db.hot.batch import Batch
from workflows.models import Event, Hook, HookDelivery, Run, Trigger, Workflow
from workflows.notifications import kinds


def run_failed(batch: Batch, run: Run, error: Any) -> None:
    """Record that a run failed, as a part of the batch that ends it.

    No one is notified of tests: neither of drafts, nor of runs on test events.
    """
    if not (run.is_test or run.event.is_test):
        batch.insert(_failure(run, error))


def runs_failed(runs: Iterable[Run], error: Any) -> None:
    """As `run_failed`, of several in one statement."""
    ended = [run for run in runs if not run.is_test]
    prefetch_related_objects(ended, "event")
    NotificationFact.objects.bulk_create([_failure(run, error) for run in ended if not run.event.is_test])


def _failure(run: Run, error: Any) -> NotificationFact:
    """Failures of a workflow with the same code are one group."""
    code = error.get("code", "") if isinstance(error, dict) else ""
    return facts.fact(
        kinds.RUN_FAILED,
        workspace_id=run.workspace_id,
        group=f"{run.workflow_id} {code}",
        workflow=str(run.workflow_id),
        run=str(run.id),
        error=error,
    )


def event_failed(event: Event, reason: str) -> None:
    """A delivery was given up: it has started nothing, and will not by itself."""
    trigger = event.trigger
    facts.notify(
        kinds.EVENT_FAILED,
        workspace_id=event.workspace_id,
        group=str(trigger.pk),
        title=f"Delivery not processed: {trigger.name}",
        reason=f"{reason} It started no workflow. Retry it from its page.",
        path=_page_of(event),
    )


def chain_ended(event: Event, workflow: Workflow, reason: str) -> None:
    """Workflows that start each other were stopped at `workflow`, which this event would have started."""
    facts.notify(
        kinds.CHAIN_ENDED,
        workspace_id=event.workspace_id,
        group=str(workflow.pk),
        title=f"Chain of workflows ended: {workflow.name}",
        reason=reason,
        path=_page_of(event),
    )


def _page_of(event: Event) -> str:
    return reverse("triggers:delivery", args=[event.trigger_id, event.id])


def workflow_paused(workflow: Workflow) -> None:
    """By its safety limit."""
    facts.notify(
        kinds.WORKFLOW_PAUSED,
        workspace_id=workflow.workspace_id,
        group=str(workflow.pk),
        title=f"Workflow paused (safety limit): {workflow.name}",
        reason=f"It exceeded its limit of {workflow.max_runs_per_minute} runs a minute. Its runs are queued. "
        "Resume it, with a higher limit if needed, or archive it.",
        path=reverse("workflows:detail", args=[workflow.pk]),
    )


def trigger_cannot_look(trigger: Trigger, reason: str) -> None:
    """A trigger that asks by itself gets no answer of use."""
    facts.notify(
        kinds.TRIGGER_CANNOT_LOOK,
        workspace_id=trigger.workspace_id,
        group=str(trigger.pk),
        title=f"Trigger polling failed: {trigger.name}",
        reason=reason,
        path=reverse("triggers:detail", args=[trigger.pk]),
    )


def deadlines_not_checked(trigger: Trigger, reason: str) -> None:
    """The provider cannot be asked whether what its deadlines wait for has happened."""
    _of_deadlines(
        trigger, "not checked", f"Deadlines not checked: {trigger.name}", f"{reason} It is tried again."
    )


def deadlines_left_out(trigger: Trigger, reason: str) -> None:
    """A delivery began no deadline, because there are too many."""
    _of_deadlines(trigger, "full", f"Too many open deadlines: {trigger.name}", reason)


def _of_deadlines(trigger: Trigger, what: str, title: str, reason: str) -> None:
    facts.notify(
        kinds.DEADLINES_IN_TROUBLE,
        workspace_id=trigger.workspace_id,
        group=f"{trigger.pk} {what}",
        title=title,
        reason=reason,
        path=reverse("triggers:detail", args=[trigger.pk]),
    )


def webhook_disabled(trigger: Trigger, reason: str) -> None:
    facts.notify(
        kinds.WEBHOOK_DISABLED,
        workspace_id=trigger.workspace_id,
        group=str(trigger.pk),
        title=f"Webhook disabled: {trigger.name}",
        reason=reason,
        path=reverse("triggers:detail", args=[trigger.pk]),
    )


def event_types_refused(trigger: Trigger, event_types: list[str], reason: str) -> None:
    """A failed check in between makes the refusal appear again, so the same types are one notification."""
    types = hashlib.sha256(" ".join(event_types).encode()).hexdigest()[:32]
    facts.notify(
        kinds.EVENT_TYPES_REFUSED,
        workspace_id=trigger.workspace_id,
        group=f"{trigger.pk} {types}",
        title=f"Event types refused: {trigger.name}",
        reason=reason,
        path=reverse("triggers:detail", args=[trigger.pk]),
    )


def delivery_dead(delivery: HookDelivery, reason: str) -> None:
    """A message to an outgoing webhook was given up. reason: how the last attempt ended."""
    hook = delivery.hook
    facts.notify(
        kinds.HOOK_FAILING,
        workspace_id=hook.workspace_id,
        group=str(hook.pk),
        title=f"Outgoing webhook failing: {hook.name}",
        reason=f"A message failed permanently after {delivery.attempts} attempts: {reason}. Resend it once the "
        "endpoint responds.",
        path=reverse("hooks:delivery", args=[hook.pk, delivery.id]),
    )


def hook_paused(hook: Hook, reason: str) -> None:
    """By us, because its endpoint is gone."""
    facts.notify(
        kinds.HOOK_FAILING,
        workspace_id=hook.workspace_id,
        group=f"{hook.pk} paused",
        title=f"Outgoing webhook paused: {hook.name}",
        reason=reason,
        path=reverse("hooks:detail", args=[hook.pk]),
    )
