"""Chains: the runs that one change at a provider has led to, by way of what those runs write.

A workflow does not begin again in a chain that it is part of already, and a chain has at most MAX_RUNS runs, whichever
workflow, workspace or agency they belong to. What a person or another system changes begins a chain of its own.
"""

import uuid
from dataclasses import dataclass
from hashlib import sha256

from django.db.models import Q

from core.db.hot import batch
from workflows import catalog
from workflows.calls import loop_detection
from workflows.formatting.chain_reasons import FULL, IN_CHAIN, MAX_RUNS
from workflows.models import Event, Run, Trace, Workflow


@dataclass(frozen=True)
class Chain:
    """Where an event stands. key: the same for all runs of the chain. workflows: of the runs that led to the event."""

    key: uuid.UUID
    cause: Trace | None = None
    workflows: frozenset[uuid.UUID] = frozenset()


def of(event: Event, cause: Trace | None) -> Chain:
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
    """Those of `wanted` that may begin, and the others with the reason, as the event keeps them.

    Until the transaction ends, nothing else of the same chain is admitted.
    """
    if chain.cause is None:
        return wanted, []
    fresh = [workflow for workflow in wanted if workflow.pk not in chain.workflows]
    room = _room(chain.key) if fresh else 0
    refused = {workflow.pk: IN_CHAIN for workflow in wanted if workflow.pk in chain.workflows}
    refused |= {workflow.pk: FULL for workflow in fresh[room:]}
    return fresh[:room], [{"workflow": str(key), "code": code} for key, code in refused.items()]


def _room(key: uuid.UUID) -> int:
    """How many more runs the chain may have. SQLite has one writer at a time, which this transaction is by now."""
    if batch.vendor() == "postgresql":
        with batch.run("SELECT pg_advisory_xact_lock(%s)", [key.int >> 65]):
            pass
    return max(0, MAX_RUNS - Run.objects.filter(Q(chain=key) | Q(id=key)).count())
