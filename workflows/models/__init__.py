"""The rows of this room, one module for each thing they are about."""

from workflows.models.calls import ActionCall
from workflows.models.deletion_log import RetentionStatement
from workflows.models.events import Event
from workflows.models.heartbeats import Heartbeat
from workflows.models.hooks import Hook, HookDelivery, HookSecret, HookSender
from workflows.models.replays import ReplayBatch
from workflows.models.runs import Run, StepRun
from workflows.models.subscriptions import Subscription
from workflows.models.traces import Trace
from workflows.models.triggers import HeldDelivery, Trigger, TriggerSecret, TurnedAway
from workflows.models.watches import Deadline, Watch
from workflows.models.workflows import Workflow, WorkflowVersion

__all__ = [
    "ActionCall",
    "Deadline",
    "Event",
    "Heartbeat",
    "HeldDelivery",
    "Hook",
    "HookDelivery",
    "HookSecret",
    "HookSender",
    "ReplayBatch",
    "RetentionStatement",
    "Run",
    "StepRun",
    "Subscription",
    "Trace",
    "Trigger",
    "TriggerSecret",
    "TurnedAway",
    "Watch",
    "Workflow",
    "WorkflowVersion",
]
