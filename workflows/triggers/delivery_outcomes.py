"""The outcome of a delivery for each workflow: the workflow's state, or the conditions that did not hold."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db.models import OuterRef, Subquery

from workflows.authoring import descriptions
from workflows.conditions import evaluate
from workflows.conditions.evaluate import Judged
from workflows.formatting import chain_reasons, field_names
from workflows.inbox import events, store
from workflows.models import Event, Run, Trigger, Workflow, WorkflowVersion

log = structlog.get_logger(__name__)

MOST_WORKFLOWS = 50
_REDACTED = "[redacted]"
_BY_STATUS: dict[str, str] = {
    Event.Status.FILTERED: "none: filtered by the trigger’s options",
    Event.Status.IGNORED: "none: event type not used by the trigger",
}


@dataclass(frozen=True)
class Condition:
    """One condition in words, what the delivery had in that field, and whether it held."""

    words: str
    actual: str
    holds: bool


@dataclass(frozen=True)
class Outcome:
    """The outcome of a delivery for one workflow. state: for programs; words: one sentence.

    version: the number of the version that was published when the delivery arrived; None if there was none.
    """

    workflow: Workflow
    state: str
    words: str
    run: Run | None = None
    version: int | None = None
    rows: list[Condition] = field(default_factory=list)


def outcomes(event: Event) -> list[Outcome]:
    """One for each workflow of its trigger, by name; none for a delivery that no workflow was asked about."""
    runs = {
        run.workflow_id: run
        for run in event.runs.filter(replay=0, version__isnull=False).select_related("workflow", "version")
    }
    found = [_started(run) for run in runs.values()]
    if event.status == Event.Status.DONE and store.starts_workflows(event) and not event.is_test:
        fields = events.fields_of(event)
        others = _published_then(event).exclude(pk__in=runs).order_by("name", "pk")[:MOST_WORKFLOWS]
        rows = list(others)
        versions = WorkflowVersion.objects.in_bulk([row.version_then for row in rows if row.version_then])
        kept = {one["workflow"]: one for one in chain_reasons.explained(event)}
        for row in rows:
            version = versions.get(row.version_then)
            if why := kept.get(str(row.pk)):
                number = version.number if version else None
                found.append(Outcome(row, why["code"], why["message"], None, number))
            else:
                found.append(_not_started(row, version, event, fields))
    return sorted(found, key=lambda outcome: (outcome.workflow.name.casefold(), str(outcome.workflow.pk)))


def _published_then(event: Event) -> Any:
    """The workflows of its trigger, with the version that was published when the event arrived."""
    versions = WorkflowVersion.objects.filter(
        workflow=OuterRef("pk"), published_at__lte=event.received_at
    ).order_by("-number")
    return Workflow.objects.filter(trigger=event.trigger_id).annotate(
        version_then=Subquery(versions.values("pk")[:1])
    )


def _started(run: Run) -> Outcome:
    number = run.version.number if run.version else None
    return Outcome(
        run.workflow, "started", f"Started a run: {run.get_status_display().lower()}.", run, number
    )


def _not_started(
    workflow: Workflow, version: WorkflowVersion | None, event: Event, fields: dict[str, Any]
) -> Outcome:
    if version is None:
        if workflow.created_at > event.received_at:
            return Outcome(workflow, "created_later", "It was created after this delivery arrived.")
        words = "It was not published when this delivery arrived."
        return Outcome(workflow, "not_published", words)
    rows = condition_rows(version.definition["conditions"], fields, event.trigger)
    if not _holds(version.definition["conditions"], fields):
        words = "Its filter did not match."
        return Outcome(workflow, "conditions_did_not_hold", words, None, version.number, rows)
    if workflow.status in (Workflow.Status.PAUSED, Workflow.Status.ARCHIVED):
        words = f"It is {workflow.status}; deliveries start active workflows only."
        return Outcome(workflow, workflow.status, words, None, version.number, rows)
    words = "It was not active when this delivery was processed; its filter matches."
    return Outcome(workflow, "not_active", words, None, version.number, rows)


def condition_rows(asked: dict[str, Any], fields: dict[str, Any], trigger: Trigger) -> list[Condition]:
    """Each condition of `asked` with what the fields have there; none where they cannot be judged at all."""
    try:
        judged = evaluate.judge(asked, fields)
    except Exception:
        log.exception("conditions_not_explained")
        return []
    names = field_names.of_trigger(trigger.key)
    return [
        Condition(words, _actual(row, trigger), row.held)
        for words, row in zip(descriptions.rows(asked, names), judged, strict=True)
    ]


def _holds(asked: dict[str, Any], fields: dict[str, Any]) -> bool:
    """As fan-out decides it: what cannot be judged does not hold."""
    try:
        return evaluate.hold(asked, fields)
    except Exception:
        log.exception("conditions_not_explained")
        return False


def _actual(row: Judged, trigger: Trigger) -> str:
    """The value at the field. A redacted field is named as such, not as one that was not sent."""
    if _REDACTED in row.values:
        return "not stored (redacted by this trigger)"
    if trigger.redact and all(value is None for value in row.values):
        return "empty, or redacted by this trigger"
    return row.actual


def in_brief(event: Event, workflows: Iterable[Workflow]) -> str:
    """The reason why it started nothing, in a few words for a list. workflows: those of its trigger, with `live`."""
    if event.is_test:
        return "none: test event"
    if event.status != Event.Status.DONE:
        return _BY_STATUS.get(event.status, "")
    if event.not_started or not store.starts_workflows(event):
        return f"none: {'part of a chain of workflows' if event.not_started else 'begins or ends a deadline'}"
    versions = [row.live for row in workflows if row.live and row.created_at <= event.received_at]
    if not versions:
        return "none: no workflow was published"
    fields = events.fields_of(event)
    judged = all(version.published_at <= event.received_at for version in versions)
    if judged and not any(_holds(version.definition["conditions"], fields) for version in versions):
        return "none: filter did not match"
    return "none: see details"


def listening(trigger: Trigger) -> list[Workflow]:
    """The workflows for `in_brief`, in one query."""
    rows = Workflow.objects.filter(trigger=trigger).exclude(status=Workflow.Status.ARCHIVED)
    return list(rows.select_related("live").order_by("-created_at", "pk")[:MOST_WORKFLOWS])
