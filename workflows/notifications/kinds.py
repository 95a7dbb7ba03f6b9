"""The kinds that this room adds, and how each is worded."""

from django.urls import reverse

from connections.models import NotificationFact
from connections.notifications import kinds
from connections.notifications.kinds import Email, Kind, Words
from core.errors import in_words
from workflows.models import StepRun, Workflow


def _failed(fact: NotificationFact) -> Words:
    """Looked up here, once for a group of failures, and not where a run ends."""
    workflow, run = Workflow.objects.get(pk=fact.data["workflow"]), fact.data["run"]
    failed = StepRun.objects.filter(run__id=run, status=StepRun.Status.FAILED)
    step = failed.order_by("-position").values_list("key", flat=True).first()
    why = in_words(fact.data["error"])
    return Words(
        title=f"Workflow failed: {workflow.name}",
        reason=f"Step {step}: {why}" if step else why,
        path=reverse("workflows:run", args=[run]),
    )


RUN_FAILED = Kind(
    "run_failed",
    "Workflow failed",
    "A run failed at a step. Failures of a workflow for the same reason send one notification a day.",
    in_charge=Email.HOURLY,
    words=_failed,
)
WORKFLOW_PAUSED = Kind(
    "workflow_paused",
    "Workflow paused (safety limit)",
    "A workflow exceeded its safety limit of runs a minute and waits until someone resumes it.",
)
CHAIN_ENDED = Kind(
    "chain_ended",
    "Chain of workflows ended",
    "Workflows started each other, and one was not started because the chain was too long.",
)
EVENT_FAILED = Kind(
    "event_failed",
    "Delivery not processed",
    "A delivery was accepted but failed after several attempts, so it started no workflow.",
)
WEBHOOK_DISABLED = Kind(
    "webhook_disabled",
    "Webhook disabled by the provider",
    "A trigger’s webhook was disabled in the provider. Events may be missing.",
)
EVENT_TYPES_REFUSED = Kind(
    "event_types_refused",
    "Event types refused by the provider",
    "A trigger names event types that the provider refused for its webhook. Once for the same types.",
    window=None,
)
TRIGGER_CANNOT_LOOK = Kind(
    "trigger_cannot_look",
    "Trigger polling failed",
    "A trigger that polls the provider gets errors. It continues polling.",
)
DEADLINES_IN_TROUBLE = Kind(
    "deadlines_in_trouble",
    "Deadlines delayed or left out",
    "The provider cannot be asked whether a deadline has passed, or a trigger has too many open deadlines.",
)
HOOK_FAILING = Kind(
    "hook_failing",
    "Outgoing webhook failing",
    "A message failed after ten attempts, or an endpoint was paused because it is gone (410).",
)


def register() -> None:
    kinds.register(RUN_FAILED, WORKFLOW_PAUSED, CHAIN_ENDED, EVENT_FAILED)
    kinds.register(
        WEBHOOK_DISABLED, EVENT_TYPES_REFUSED, TRIGGER_CANNOT_LOOK, DEADLINES_IN_TROUBLE, HOOK_FAILING
    )
