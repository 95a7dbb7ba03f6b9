"""The context of one run's page: where it is, and each step with what went in, what came out, and why it waits."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connections.models import Connection
from workflows import catalog
from workflows.authoring import descriptions
from workflows.formatting import error_hints, summaries
from workflows.formatting.error_hints import Hint
from workflows.formatting.summaries import Fact, Reading
from workflows.models import ActionCall, Run, StepRun, Trigger, Workflow
from workflows.models.runs import OPEN, UNFINISHED
from workflows.queue import waiting
from workflows.queue.waiting import Waiting
from workflows.representations import failed_step
from workflows.runs import replay

_MOST_REPLAYS = 20


@dataclass(frozen=True)
class Step:
    """One line of the timeline. state: done, now, later or bad. call: its use of the connection, if it came so far.

    error: {"message", …} or {}. waits_until: the next attempt. kept_from: the run whose output it keeps.
    """

    name: str
    action: str
    state: str
    words: str
    call: ActionCall | None = None
    connection: Connection | None = None
    given: list[Fact] | None = None
    reading: Reading = field(default_factory=Reading)
    error: dict[str, Any] | None = None
    hint: Hint | None = None
    provider: str = ""
    waits_until: datetime | None = None
    kept_from: Run | None = None


def seen(run: Run, steps: list[StepRun], why: Waiting | None) -> str:
    """Changes when the page of an open run has something new to show. why: what it waits for."""
    last = steps[-1] if steps else None
    attempt = (last.call.status, last.call.attempts) if last and last.call else ("", 0)
    waits = (why.reason, why.run or "", why.until and f"{why.until:%d%H%M%S}") if why else ()
    return "-".join(map(str, (run.status, run.position, *attempt, *waits)))


def steps_of(run: Run) -> list[StepRun]:
    """The steps that have begun, in order; one query."""
    related = ("call__connection", "kept__connection", "kept__step_run__run")
    return list(run.steps.select_related(*related).order_by("position"))


def context_of(run: Run) -> dict[str, Any]:
    """For the template runs/detail.html. run: with event__trigger, workflow, version and blocked_on."""
    begun = steps_of(run)
    why = waiting.of([run]).get(run.pk)
    by_position = {step.position: step for step in begun}
    trigger: Trigger = run.event.trigger
    integration = catalog.integration(trigger.provider)
    error = run.error if isinstance(run.error, dict) else {}
    may_replay = (
        not run.is_test
        and run.workflow.live_id is not None
        and run.workflow.status != Workflow.Status.ARCHIVED
        and run.status not in UNFINISHED
    )
    replays = list(run.replays.order_by("-seq")[:_MOST_REPLAYS])
    return {
        "run": run,
        "trigger": trigger,
        "event_words": integration.webhooks.in_words(run.event.payload),
        "steps": [
            _step(definition, by_position.get(position)) for position, definition in enumerate(run.plan)
        ],
        "open": run.status in UNFINISHED,
        "polling": run.status in OPEN,
        "waiting": why,
        "idle": run.status in UNFINISHED and run.status != Run.Status.RUNNING,
        "may_pause": run.status in {Run.Status.PENDING, Run.Status.WAITING},
        "may_resume": run.status == Run.Status.PAUSED and run.blocked_on is None,
        "seen": seen(run, begun, why),
        "error": error,
        "failed": failed_step.failed_step(run, begun),
        "incident_url": failed_step.incident_url(run),
        "provider": integration,
        "hint": error_hints.for_error(error, integration),
        "connection": next((step.call.connection for step in reversed(begun) if step.call), None),
        "replays": replays,
        "may_retry": may_replay
        and not any(again.is_retry for again in replays)
        and replay.has_failed_step(run),
        "may_test": run.is_test and run.workflow.status != Workflow.Status.ARCHIVED,
        "may_replay": may_replay,
    }


def _step(definition: dict[str, Any], step: StepRun | None) -> Step:
    action = descriptions.action_of(definition)
    name = definition.get("name") or definition["key"]
    if step is None:
        return Step(name, action, "later", "Not started")
    if step.status == StepRun.Status.SKIPPED:
        return Step(name, action, "later", "Skipped: condition not met")
    call = step.made
    error = call.error if call is not None and call.error else step.error
    error = error if isinstance(error, dict) else {}
    done = step.status == StepRun.Status.COMPLETED
    failed = step.status == StepRun.Status.FAILED
    state = "done" if done else "bad" if failed else "now"
    if call is None:
        return Step(name, action, state, "failed", error=error)
    known = catalog.find_action(definition["action"])
    integration = catalog.integration(call.connection.provider)
    return Step(
        name=name,
        action=action,
        state=state,
        words="Reused from an earlier run"
        if step.kept_id
        else "completed"
        if done
        else call.get_status_display().lower(),
        call=call,
        connection=call.connection,
        given=summaries.of_input(catalog.input_schema(definition["action"]), call.input),
        reading=summaries.of_output(known.output_schema if known else {}, call.output, integration.owns_link)
        if done
        else Reading(),
        error={} if done else error,
        hint=error_hints.for_error(error, integration) if error and not done else None,
        provider=integration.name,
        waits_until=call.next_attempt_at if call.status == ActionCall.Status.WAITING else None,
        kept_from=call.step_run.run if step.kept_id else None,
    )
