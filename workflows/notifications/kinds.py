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
    "A run ended at a step that failed. Failures of a workflow for the same reason are one notification a day.",
    in_charge=Email.HOURLY,
    words=_failed,
)
WORKFLOW_PAUSED = Kind(
    "workflow_paused",
    "Workflow paused by its safety limit",
    "A workflow would have begun more runs within a minute than it may, and waits for a person.",
)
CHAIN_ENDED = Kind(
    "chain_ended",
    "Chain of workflows ended",
    "Workflows started each other, and one was not begun because the chain had become too long.",
)
EVENT_FAILED = Kind(
    "event_failed",
    "Delivery not handled",
    "A delivery was accepted and given up after several attempts, so that it started no workflow.",
)
WEBHOOK_DISABLED = Kind(
    "webhook_disabled",
    "Webhook disabled by the provider",
    "A provider has disabled the webhook of a trigger, or a person has there. Events may be missing.",
)
TRIGGER_CANNOT_LOOK = Kind(
    "trigger_cannot_look",
    "Trigger cannot look",
    "A trigger that asks the provider regularly gets no answer of use. It goes on asking.",
)
HOOK_FAILING = Kind(
    "hook_failing",
    "Outgoing webhook failing",
    "A message was given up after ten attempts, or an endpoint was paused because it is gone.",
)


def register() -> None:
    kinds.register(RUN_FAILED, WORKFLOW_PAUSED, CHAIN_ENDED, EVENT_FAILED)
    kinds.register(WEBHOOK_DISABLED, TRIGGER_CANNOT_LOOK, HOOK_FAILING)
