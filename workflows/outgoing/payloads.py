"""The body of an outgoing webhook: {"type", "timestamp", "data"}, with data as the API returns it for the same row."""

import json
from datetime import UTC, datetime
from typing import Any

from workflows.models import HookDelivery, Run
from workflows.representations.events_and_calls import EventOut
from workflows.representations.runs import RUN_PARTS, RunDetail

# Half a megabyte is what receivers commonly accept; a listing of thousands of rows as a step's output is more.
MOST_BYTES = 512 * 1024
TYPES = ["event.received", "run.completed", "run.failed", "run.cancelled", "hook.test"]


def body_of(delivery: HookDelivery) -> str:
    """The JSON text, the same on every attempt. Raises Run.DoesNotExist when the run went meanwhile."""
    if delivery.kind == HookDelivery.Kind.TEST:
        data: Any = {"hook": str(delivery.hook_id), "message": "This is a test message."}
        return _text("hook.test", delivery.created_at, data)
    if delivery.event is not None:
        event = dict(EventOut(delivery.event).data)
        # What its workflows make of it is still open when it is sent, and differs from one attempt to the next.
        event.pop("status"), event.pop("error"), event.pop("not_started")
        return _text("event.received", delivery.event.received_at, event)
    related = Run.objects.select_related("version", "workflow", "event__trigger", "replay_of")
    related = related.prefetch_related(*RUN_PARTS)
    return _run(related.get(pk=delivery.run_id or 0))


def _run(run: Run) -> str:
    finished = run.finished_at or run.created_at
    data = dict(RunDetail(run).data)
    text = _text(f"run.{run.status}", finished, data)
    if len(text.encode()) > MOST_BYTES:
        steps = [{**step, "input": None, "output": None, "cut": True} for step in data["steps"]]
        text = _text(f"run.{run.status}", finished, {**data, "steps": steps})
    return text


def _text(kind: str, at: datetime, data: Any) -> str:
    message = {"type": kind, "timestamp": at.astimezone(UTC).isoformat(), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=str)
