"""Testing a draft for real: one run of it, as it is now, on one event, which starts nothing else."""

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
    """The same for the same draft: so that what runs is what somebody has agreed to."""
    return hashlib.sha256(json.dumps(draft, sort_keys=True).encode()).hexdigest()


def start(*, actor: Actor, workflow: Workflow, event: Event | None, once: str) -> Run:
    """Let the draft run on that event of its trigger, or on the documented one. Raises as `authoring.ready`,
    Problem where it would not begin (conditions_do_not_hold).

    once: 32 characters; asked for again with the same ones, it is the run that was made the first time.
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
            wakeup.ring()
    except IntegrityError:
        if made := made_before(workflow, once):
            return made
        raise
    return run


def made_before(workflow: Workflow, once: str) -> Run | None:
    return Run.objects.filter(workflow=workflow, version__isnull=True, once=once).first()


def _documented(workflow: Workflow) -> Event:
    """The trigger type's sample as an event of its own, over from the start: no workflow and no hook hears of it."""
    trigger = workflow.trigger
    kind = catalog.find_trigger(trigger.key)
    if kind is None:
        raise Problem("trigger_deleted", "This trigger no longer exists.", status=409)
    body = catalog.integration(trigger.provider).sample_delivery(kind, f"{samples.SAMPLE}{uuid.uuid4()}")
    event = store.event_of(trigger, body=body, is_test=True)
    event.save(force_insert=True)
    return event
