"""Workflows as files: what one does, without the connections and triggers of its workspace, and back again.

{"format": "taskjuice-workflow", "version": 1, "name", "max_runs_per_minute",
 "trigger": {"key", "name"}, "connections": {"a": {"provider", "label"}, …},
 "conditions": …, "steps": [{…, "connection": "a"}]}

Conditions and steps are as in workflows.authoring.validation, with the name of a connection in place of its id. What
was typed or chosen in inputs stays as it is: From addresses and the ids of services are those of the account it comes
from. Without `max_runs_per_minute`, as older files are, the workflow gets the usual limit.
"""

import json
import re
from typing import Any

from django.db import transaction
from rest_framework import serializers

from connections.models import Connection
from connections.tenancy.actor import Actor
from core.errors import Problem
from core.text.json_sanitize import is_storable
from workflows import catalog
from workflows.authoring import drafts, lifecycle, validation
from workflows.catalog import Json
from workflows.catalog.schemas import ActionInput, Text
from workflows.models import Trigger, Workflow
from workflows.models.workflows import DEFAULT_PACE, FASTEST_PACE

FORMAT, VERSION = "taskjuice-workflow", 1
LONGEST = 256 * 1024
_MOST_CONNECTIONS = 25
_INPUT = re.compile(r"steps\[\d+\]\.input\.\w+")


def of_workflow(workflow: Workflow) -> Json:
    """The draft of `workflow` as a file says it."""
    steps = workflow.draft.get("steps", [])
    used = list(dict.fromkeys(step["connection"] for step in steps))
    known = {
        str(row.pk): row for row in Connection.objects.filter(workspace=workflow.workspace_id, pk__in=used)
    }
    names = {some_id: f"connection_{number}" for number, some_id in enumerate(used, 1)}
    providers = {step["connection"]: step["action"].partition("/")[0] for step in steps}
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": workflow.name,
        "max_runs_per_minute": workflow.max_runs_per_minute,
        "trigger": {"key": workflow.trigger.key, "name": workflow.trigger.name},
        "connections": {
            name: {"provider": providers[some_id], "label": known[some_id].label if some_id in known else ""}
            for some_id, name in names.items()
        },
        "conditions": workflow.draft.get("conditions", drafts.EMPTY["conditions"]),
        "steps": [{**step, "connection": names[step["connection"]]} for step in steps],
    }


class _TriggerOf(ActionInput):
    key = Text(max_length=80)
    name = Text(max_length=120, required=False, allow_blank=True)

    def validate_key(self, value: str) -> str:
        if catalog.find_trigger(value) is None:
            raise serializers.ValidationError(f"There is no trigger {value}.")
        return value


class _ConnectionOf(ActionInput):
    provider = Text(max_length=40)
    label = Text(max_length=120, required=False, allow_blank=True)  # type: ignore[assignment]


class PortableWorkflow(ActionInput):
    """A file, as far as it can be judged without the workspace it goes to."""

    format = serializers.ChoiceField(choices=[FORMAT])
    version = serializers.ChoiceField(choices=[VERSION])
    name = Text(max_length=120)
    max_runs_per_minute = serializers.IntegerField(min_value=1, max_value=FASTEST_PACE, required=False)
    trigger = _TriggerOf()
    connections = serializers.DictField(child=_ConnectionOf())
    conditions = serializers.DictField(required=False)
    steps = serializers.ListField(child=serializers.DictField(), max_length=validation.MAX_STEPS)

    def validate_name(self, value: str) -> str:
        if not value.isprintable():
            raise serializers.ValidationError("Must be one printable line.")
        return value

    def validate_connections(self, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) > _MOST_CONNECTIONS:
            raise serializers.ValidationError(f"At most {_MOST_CONNECTIONS} connections.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wrong: Any = {
            str(number): {"connection": ["Must be one of the names under “connections”."]}
            for number, step in enumerate(attrs["steps"])
            if not isinstance(step.get("connection"), str) or step["connection"] not in attrs["connections"]
        }
        if wrong:
            raise serializers.ValidationError({"steps": wrong})
        return attrs


def read(text: str | bytes) -> Json:
    """Parse a file. Raises Problem (invalid_input) that names each place at fault, such as steps[2].key."""
    try:
        raw = text.encode() if isinstance(text, str) else text
        if len(raw) > LONGEST:
            raise _refused({"file": [f"At most {LONGEST // 1024} KB."]})
        data = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise _refused({"file": ["The JSON is nested too deeply."]}) from None
    except ValueError as error:
        said = str(error) if isinstance(error, _Twice) else "This is not the JSON of an exported workflow."
        raise _refused({"file": [said]}) from None
    return checked(data)


def checked(data: Any) -> Json:
    """The same for JSON that has been read already."""
    if not is_storable(data):
        raise _refused({"file": ["It contains characters, numbers or levels that cannot be stored."]})
    serializer = PortableWorkflow(data=data)
    if not serializer.is_valid():
        raise _refused(serializer.errors)
    found: Json = serializer.validated_data
    return found


def bring_in(*, actor: Actor, found: Json, trigger: Trigger, connections: dict[str, Connection]) -> Workflow:
    """A draft of what `read` answered, on that trigger, with those connections for its names. Never published.

    What does not hold there is listed by the editor. Raises Problem (invalid_input) for what no draft can be.
    """
    if trigger.key != found["trigger"]["key"]:
        raise _refused({"trigger": [f"Choose a trigger of the kind {found['trigger']['key']}."]})
    wrong = {
        name: ["Choose a connection of the trigger’s workspace and of this provider."]
        for name, asked in found["connections"].items()
        if name not in connections
        or connections[name].workspace_id != trigger.workspace_id
        or connections[name].provider != asked["provider"]
    }
    if wrong:
        raise _refused({"connections": wrong})
    steps = [{**step, "connection": str(connections[step["connection"]].pk)} for step in found["steps"]]
    # As definitions have them, also where the check below ends before it fills in what was left out.
    conditions = drafts.EMPTY["conditions"] | found.get("conditions", {})
    definition = {"conditions": conditions, "steps": [{"on_error": "stop", **step} for step in steps]}
    try:
        validation.check(actor=actor, trigger=trigger, definition=definition, unfinished=True)
    except serializers.ValidationError as error:
        if not all(_can_be_filled_in(place, said) for place, said in _places(error.detail)):
            raise _refused(error.detail) from None
        try:
            validation.check_together(steps)
        except serializers.ValidationError as whole:
            raise _refused({"steps": whole.detail}) from None
    with transaction.atomic():
        workflow = lifecycle.create(
            actor=actor, trigger=trigger, name=found["name"], definition=drafts.EMPTY, unfinished=True
        )
        lifecycle.edit(
            actor=actor, workflow=workflow, change=lambda draft: definition, refuse=lambda detail: False
        )
        workflow.max_runs_per_minute = found.get("max_runs_per_minute", DEFAULT_PACE)
        workflow.save(update_fields=["max_runs_per_minute"])
    return workflow


def _can_be_filled_in(place: str, said: str) -> bool:
    """Return whether the editor can ask for it: a missing input, or a field that the trigger does not have."""
    missing = said == "This field is required."
    return bool(_INPUT.fullmatch(place)) and (missing or said.startswith("There is no field"))


def _refused(detail: Any) -> Problem:
    fields: dict[str, list[str]] = {}
    for place, sentence in _places(detail):
        fields.setdefault(place or "file", []).append(sentence)
    first = next(iter(fields.items()))
    return Problem("invalid_input", f"{first[0]}: {first[1][0]}", fields=fields)


def _places(detail: Any, place: str = "") -> Any:
    """(steps[2].input.title, what is wrong there) for each error of a serializer."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            if name == "non_field_errors":
                yield from _places(inner, place)
            elif str(name).isdecimal():
                yield from _places(inner, f"{place}[{name}]")
            else:
                yield from _places(inner, f"{place}.{name}" if place else str(name)[:80])
    elif isinstance(detail, list) and any(isinstance(inner, dict) for inner in detail):
        for number, inner in enumerate(detail):
            yield from _places(inner, f"{place}[{number}]")
    elif isinstance(detail, list):
        yield from ((place, str(inner)) for inner in detail)
    else:
        yield place, str(detail)


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice("Duplicate name in an object.")
    return found


def _no_number(text: str) -> None:
    raise ValueError(text)
