"""What this room counts for /metrics, in the process where it happens (core.metrics)."""

from prometheus_client import Counter, Histogram

from core.metrics import COUNTED, counter
from workflows.models import ActionCall, Run

DELIVERIES = counter(
    "taskjuice_deliveries",
    "Deliveries to trigger URLs by verdict; not_stored: 503 returned, the provider resends it",
    "verdict",
    ("accepted", "ignored", "filtered", "duplicate", "held", "refused", "full", "not_stored"),
)
RUNS = counter(
    "taskjuice_runs",
    "Runs that a worker finished, or paused until someone acts",
    "result",
    ("completed", "failed", "paused"),
)
ATTEMPTS = Counter(
    "taskjuice_call_attempts",
    "Attempts of action calls by resulting status",
    ["action", "result"],
    registry=COUNTED,
)
CALL_SECONDS = Histogram(
    "taskjuice_call_seconds",
    "Seconds that one attempt of an action call took, the provider's part included",
    ["action"],
    registry=COUNTED,
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 75.0),
)


def attempted(call: ActionCall, seconds: float) -> None:
    """Count one attempt. call: as it left it."""
    ATTEMPTS.labels(call.action, call.status).inc()
    CALL_SECONDS.labels(call.action).observe(seconds)


def walked(run: Run) -> None:
    """Count a run that a worker has just let go of, unless it goes on by itself."""
    if run.status in (Run.Status.COMPLETED, Run.Status.FAILED, Run.Status.PAUSED):
        RUNS.labels(run.status).inc()
