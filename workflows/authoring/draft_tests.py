"""Real test runs of a draft: one run of the draft as it is now, on one event that starts nothing else."""

import hashlib
import json
import uuid
from typing import Any

from django.db import IntegrityError, transaction

from connections.tenancy.actor import Actor
from core.errors import Problem
from workflows import catalog
from workflows.authoring import lifecycle, samples
from workflows.conditions import evaluate
from workflows.inbox import store
from workflows.models import Event, Run, Workflow
from workflows.queue import wakeup


def mark_of(draft: dict[str, Any]) -> str:
    """Return a hash of the draft. The test form sends it back, so that the draft that runs is the confirmed one."""
    return hashlib.sha256(json.dumps(draft, sort_keys=True).encode()).hexdigest()


def start(*, actor: Actor, workflow: Workflow, event: Event | None, once: str) -> Run:
    """Start a run of the draft on that event of its trigger, or on the documented one.

    Raise as `lifecycle.ready`, and Problem where the filter does not match (conditions_do_not_hold).
    once: idempotency key of 32 characters; a second call with the same key returns the first call's run.
    """
    if made := made_before(workflow, once):
        return made
    definition = lifecycle.ready(actor=actor, workflow=workflow)
    if not evaluate.hold(definition["conditions"], samples.of_trigger(workflow.trigger, event)):
        raise Problem(
            "conditions_do_not_hold",
            "Not run: the event doesn’t match the filter.",
            status=409,
        )
    try:
        with transaction.atomic():
            event = event or _documented(workflow)
            run = Run.objects.create(
                workspace_id=workflow.workspace_id,
                workflow=workflow,
                tested=definition,
                once=once,
                event=event,
                lane=event.lane,
            )
            lifecycle.record(actor, workflow, "workflow.tested", run=str(run.id))
            wakeup.wake_workers()
    except IntegrityError:
        if made := made_before(workflow, once):
            return made
        raise
    return run


def made_before(workflow: Workflow, once: str) -> Run | None:
    return Run.objects.filter(workflow=workflow, version__isnull=True, once=once).first()


def _documented(workflow: Workflow) -> Event:
    """Store the trigger type's sample as a finished test event, for which no workflow runs and no hook is called."""
    trigger = workflow.trigger
    kind = catalog.find_trigger(trigger.key)
    if kind is None:
        raise Problem("trigger_deleted", "This trigger no longer exists.", status=409)
    sample = kind.sample_for(trigger.options)
    body = catalog.integration(trigger.provider).sample_delivery(sample, f"{samples.SAMPLE}{uuid.uuid4()}")
    event = store.event_of(trigger, body=body, is_test=True)
    event.save(force_insert=True)
    return event
