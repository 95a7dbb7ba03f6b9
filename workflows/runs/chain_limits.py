"""Limits on chains: a chain is the runs that one change at a provider leads to, by way of what those runs write.

Which run caused an event is found by workflows.calls.loop_detection; how far that may go is decided here. A workflow
starts once in a chain, and a chain has at most MAX_RUNS runs, MAX_DEPTH one behind the other, in whichever workflow,
workspace or agency. A change by a person or another system starts a new chain.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import Q

from core.db.hot import prepared
from core.errors import Problem
from workflows import catalog
from workflows.calls import loop_detection
from workflows.formatting.chain_reasons import FULL, IN_CHAIN, MAX_RUNS
from workflows.models import Event, Run, Trace, Workflow
from workflows.models.runs import MAX_DEPTH


@dataclass(frozen=True)
class Chain:
    """An event in a chain. key: the same for all runs of the chain. workflows: of the runs that led to the event."""

    key: uuid.UUID
    cause: Trace | None = None
    workflows: frozenset[uuid.UUID] = frozenset()


def chain_of(event: Event, cause: Trace | None) -> Chain:
    """Return the chain that the event belongs to. cause: the write that caused it, None for a new chain."""
    if cause is None:
        return Chain(_begun_by(event))
    workflows, key = set(), cause.call_id
    run = cause.run
    while run is not None:
        workflows.add(run.workflow_id)
        # A replay or the test of a draft is a person's act, and begins a chain by itself.
        key = run.chain or run.id
        before = Run.objects.filter(pk=run.origin_id) if run.origin_id else Run.objects.none()
        run = before.only("workflow", "chain", "id", "origin").first()
    return Chain(key, cause, frozenset(workflows))


def _begun_by(event: Event) -> uuid.UUID:
    """Return the key of the change: the same for each trigger, of any agency, that gets this change in this account.

    A test event, or a change that cannot be identified, has the id of its event as key.
    """
    connection = event.trigger.connection
    account = loop_detection.account_of(connection)
    shown = catalog.integration(connection.provider).effects_of(event.payload) if account else []
    if event.is_test or not shown or shown[-1].at is None:
        return event.id
    change = f"{account}\0{shown[-1].subject}\0{shown[-1].kind}\0{shown[-1].at.isoformat()}"
    return uuid.UUID(bytes=sha256(change.encode(errors="replace")).digest()[:16])


def admit(chain: Chain, wanted: list[Workflow]) -> tuple[list[Workflow], list[dict[str, str]]]:
    """Return the workflows that may start, and the others with the reason, as the event stores them.

    Until the transaction ends, nothing else of the same chain is admitted.
    """
    if chain.cause is None:
        return wanted, []
    fresh = [workflow for workflow in wanted if workflow.pk not in chain.workflows]
    room = _room(chain.key) if fresh else 0
    refused = {workflow.pk: IN_CHAIN for workflow in wanted if workflow.pk in chain.workflows}
    refused |= {workflow.pk: FULL for workflow in fresh[room:]}
    return fresh[:room], [{"workflow": str(key), "code": code} for key, code in refused.items()]


def starting_fields(cause: Trace | None, now: datetime) -> dict[str, Any]:
    """Return the columns of a run started by that cause: its depth, and its end if the chain is too long."""
    if cause is None:
        return {}
    depth = cause.depth + 1
    if depth <= MAX_DEPTH:
        return {"depth": depth, "origin_id": cause.run_id}
    problem = Problem(
        "chain_too_long",
        f"Not started: this event was caused by a chain of {depth} workflow runs. Chains end after {MAX_DEPTH} "
        "to prevent loops. Manual changes still start this workflow.",
        status=409,
        detail={"limit": MAX_DEPTH},
    )
    return {
        "depth": MAX_DEPTH,
        "origin_id": cause.run_id,
        "status": "cancelled",
        "error": problem.as_error(),
        "finished_at": now,
    }


def _room(key: uuid.UUID) -> int:
    """Return how many more runs the chain may have. On SQLite this transaction is the only writer by now."""
    if prepared.vendor() == "postgresql":
        with prepared.run("SELECT pg_advisory_xact_lock(%s)", [key.int >> 65]):
            pass
    return max(0, MAX_RUNS - Run.objects.filter(Q(chain=key) | Q(id=key)).count())
