"""Samples: what a workflow would see of an event, and what its steps would answer, before anything has run."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast, Length

from workflows import catalog
from workflows.catalog import Json
from workflows.expressions import unknown_fields
from workflows.expressions.writing import text_of
from workflows.formatting import field_names
from workflows.formatting.field_names import Names, name_of
from workflows.inbox import events as inbox_events
from workflows.models import ActionCall, Event, Trigger, Workflow

MOST_EVENTS = 10
# How the ids of documented events begin that were stored to test a draft on.
SAMPLE = "sample-"
_MOST_FIELDS = 160
_CALLS_LOOKED_AT = 200
_LONGEST_OUTPUT = 100_000
_DEEPEST = 8
_PLACE = re.compile(r"\.(\d+)(?=\.|$)")
_LONGEST_VALUE = 60
_NOT_FOR_PEOPLE = {"self", "type"}
_BY_TYPE: dict[str, Any] = {
    "integer": 1,
    "number": 1,
    "boolean": True,
    "string": "…",
    "array": [],
    "object": {},
}


@dataclass(frozen=True)
class Field:
    """Something to insert: its path, its name as people say it, and its value in the sample, cut."""

    path: str
    name: str
    value: str

    @property
    def expression(self) -> str:
        """The expression: {{ trigger.incident.teams[0].summary }} for trigger.incident.teams.0.summary."""
        return "{{ %s }}" % _PLACE.sub(r"[\1]", self.path)  # noqa: UP031 - braces


@dataclass(frozen=True)
class Source:
    """The trigger, or an earlier step, with what it offers. names: of all its documented fields."""

    name: str
    fields: list[Field]
    names: Names = field(default_factory=dict)


def recent(trigger: Trigger) -> list[Event]:
    """The last deliveries that would start a workflow, newest first."""
    kind = catalog.find_trigger(trigger.key)
    types = kind.listens_to(trigger.options) if kind else ()
    events = Event.objects.filter(trigger=trigger, event_type__in=types).select_related("trigger")
    events = events.exclude(external_id__startswith=SAMPLE).exclude(status=Event.Status.FILTERED)
    return list(events.order_by("-seq")[:MOST_EVENTS])


def of_trigger(trigger: Trigger, event: Event | None = None) -> Json:
    """{"trigger": …} of that event, or of the documented one."""
    if event is not None:
        return inbox_events.fields_of(event)
    kind = catalog.find_trigger(trigger.key)
    fields = catalog.integration(trigger.provider).trigger_fields(
        kind.sample_for(trigger.options) if kind else {}
    )
    return {"trigger": fields}


def outputs(steps: list[Json]) -> Json:
    """Sample outputs of the steps, by their keys; each action of a connection is looked up once."""
    found: dict[tuple[str, str], Json] = {}
    for step in steps:
        kind = (step["connection"], step["action"])
        if kind not in found:
            found[kind] = of_step(*kind)
    return {step["key"]: found[step["connection"], step["action"]] for step in steps}


def of_step(connection: str, action: str) -> Json:
    """The last output of the action on that connection, unless it is long; else a sample by its schema."""
    calls = ActionCall.objects.filter(connection=uuid.UUID(connection)).order_by("-created_at")
    latest = calls.values_list("pk", "action", "status")[:_CALLS_LOOKED_AT]
    same = next((pk for pk, *what in latest if what == [action, "completed"]), None)
    short = ActionCall.objects.annotate(size=Length(Cast("output", TextField())))
    output = (
        short.filter(pk__in=[same] if same else [], size__lte=_LONGEST_OUTPUT)
        .values_list("output", flat=True)
        .first()
    )
    if isinstance(output, dict):
        return output
    known = catalog.find_action(action)
    made: Json = _of_schema(known.output_schema) if known else {}
    return made


def _of_schema(schema: Json, depth: int = 0) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else kind
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object" and depth < _DEEPEST:
        return {name: _of_schema(inner, depth + 1) for name, inner in schema.get("properties", {}).items()}
    if kind == "array" and depth < _DEEPEST and "items" in schema:
        return [_of_schema(schema["items"], depth + 1)]
    return _BY_TYPE.get(kind, "…")


def sources(workflow: Workflow, steps: list[Json]) -> list[Source]:
    """The fields that a step after those can insert."""
    known = unknown_fields.of_trigger(workflow.trigger.key)
    trigger = _with_known(of_trigger(workflow.trigger)["trigger"], known)
    names = field_names.of_trigger(workflow.trigger.key)
    found = [Source(workflow.trigger.name, fields_in(trigger, "trigger", names), names)]
    answers, names = outputs(steps), field_names.of_steps(steps)
    for step in steps:
        fields = fields_in(answers[step["key"]], f"steps.{step['key']}", names)
        found.append(Source(step.get("name") or step["key"], fields, names))
    return found


def _with_known(value: Any, schema: Json) -> Any:
    """The sample and, without a value, what it has not but another event can have."""
    if items := schema.get("items"):
        found = value if isinstance(value, list) else []
        return [_with_known(one, items) for one in found or [None]]
    known = schema.get("properties")
    if not known or not (value is None or isinstance(value, dict)):
        return value
    given = value or {}
    return given | {name: _with_known(given.get(name), inner) for name, inner in known.items()}


def fields_in(value: Any, path: str, names: Names) -> list[Field]:
    """The single values inside, at most 160: those near the top first, those without a value last."""
    found = sorted(_walk(value, path, 0, names), key=lambda one: (not one.value, one.path.count(".")))
    return found[:_MOST_FIELDS]


def _walk(value: Any, path: str, depth: int, names: Names) -> Iterator[Field]:
    if isinstance(value, dict) and value:
        if depth < _DEEPEST:
            for name, inner in value.items():
                if name not in _NOT_FOR_PEOPLE and str(name).isidentifier():
                    yield from _walk(inner, f"{path}.{name}", depth + 1, names)
    elif isinstance(value, list):
        if value:
            yield from _walk(value[0], f"{path}.0", depth + 1, names)
    elif depth:
        shown = "" if value is None else text_of(value)
        cut = shown if len(shown) <= _LONGEST_VALUE else f"{shown[: _LONGEST_VALUE - 1]}…"
        yield Field(path, name_of(path, names), cut)
