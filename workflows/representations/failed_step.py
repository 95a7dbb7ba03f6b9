"""The failed step of a run: the step, the provider's response, and the link to its editor."""

from collections.abc import Sequence
from dataclasses import dataclass

from workflows import catalog
from workflows.models import Run, StepRun, Workflow


@dataclass(frozen=True)
class FailedStep:
    """provider_status: the HTTP status that the provider answered; None if it answered none.

    editable: whether the draft still has the step, so that its page in the editor can be linked.
    """

    position: int
    key: str
    name: str
    provider_status: int | None
    editable: bool


def failed_step(run: Run, steps: Sequence[StepRun]) -> FailedStep | None:
    """The step at which the run ended; None for a run that did not fail, or at no step. steps: with `call`."""
    if run.status != Run.Status.FAILED:
        return None
    failed = [step for step in steps if step.status == StepRun.Status.FAILED]
    if not failed:
        return None
    step = max(failed, key=lambda one: one.position)
    definition = run.plan[step.position] if step.position < len(run.plan) else {}
    error = (step.call.error if step.call else None) or step.error or {}
    status = error.get("provider_status") if isinstance(error, dict) else None
    return FailedStep(
        position=step.position,
        key=step.key,
        name=definition.get("name") or step.key,
        provider_status=status if isinstance(status, int) else None,
        editable=run.workflow.status != Workflow.Status.ARCHIVED
        and any(one.get("key") == step.key for one in run.workflow.draft.get("steps", [])),
    )


def incident_url(run: Run) -> str:
    """The page of what the run is about, at the provider; "" where there is none. run: with event__trigger."""
    if run.event.is_test:
        return ""
    integration = catalog.integration(run.event.trigger.provider)
    url = integration.webhooks.in_words(run.event.payload).url
    return url if integration.owns_link(url) else ""
