"""The differences between two definitions of a workflow, in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from connections.models import Connection
from workflows import catalog
from workflows.authoring import descriptions
from workflows.formatting import field_names
from workflows.formatting.field_names import Names
from workflows.formatting.labels import title_of
from workflows.models import Workflow

Definition = Mapping[str, Any]
_SHOWN = 2_000
_AROUND = 100


@dataclass(frozen=True)
class Difference:
    """part: "Conditions" or a step's name. what: the input or setting, "" for the part as a whole. kind: added,
    removed, moved or changed. before, after: in words, "" where there is nothing.
    """

    part: str
    what: str
    kind: str
    before: str = ""
    after: str = ""

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def between(
    old: Definition, new: Definition, connections: Mapping[str, str], *, trigger: str
) -> list[Difference]:
    """Everything that differs, from the conditions to the last step. connections: labels by id. trigger: its key."""
    names = {**field_names.of_definition(trigger, old), **field_names.of_definition(trigger, new)}
    return [
        *_conditions("Conditions", "", old.get("conditions"), new.get("conditions"), names),
        *_steps(old, new, connections, names),
    ]


def labels(workflow: Workflow, *definitions: Definition) -> dict[str, str]:
    """The labels of the connections in those definitions, by ID."""
    used = {step["connection"] for definition in definitions for step in definition.get("steps", [])}
    rows = Connection.objects.filter(workspace=workflow.workspace_id, pk__in=used)
    return {str(pk): label for pk, label in rows.values_list("pk", "label")}


def _conditions(part: str, what: str, old: Any, new: Any, names: Names) -> Iterator[Difference]:
    before, after = _sentences(old, names), _sentences(new, names)
    if before != after:
        kind = "changed" if before and after else "added" if after else "removed"
        yield Difference(part, what, kind, before, after)


def _sentences(asked: Any, names: Names) -> str:
    rows = descriptions.rows(asked, names)
    return f"{descriptions.how_many(asked)}: {'; '.join(rows)}" if len(rows) > 1 else "".join(rows)


def _steps(
    old: Definition, new: Definition, connections: Mapping[str, str], names: Names
) -> Iterator[Difference]:
    before, after = _by_key(old), _by_key(new)
    stayed = [key for key in before if key in after]
    for key, step in before.items():
        if key not in after:
            yield Difference(_name(step), "", "removed", before=_action(step))
    places = {key: place for place, key in enumerate(stayed)}
    moved = _moved([places[key] for key in after if key in places])
    for key, step in after.items():
        if key not in before:
            yield Difference(_name(step), "", "added", after=_action(step))
            yield from _inputs({**step, "input": {}}, step)
            continue
        if places[key] in moved:
            yield Difference(
                _name(step),
                "",
                "moved",
                f"step {[*before].index(key) + 1}",
                f"step {[*after].index(key) + 1}",
            )
        yield from _step(before[key], step, connections, names)


def _moved(order: list[int]) -> set[int]:
    """The items to move so that `order` becomes ascending: all but a longest run that already is."""
    runs: list[list[int]] = []
    for place in order:
        runs.append([*_longest([run for run in runs if run[-1] < place]), place])
    return set(order) - set(_longest(runs))


def _longest(runs: list[list[int]]) -> list[int]:
    return max(runs, key=len, default=[])


def _by_key(definition: Definition) -> dict[str, Any]:
    return {step["key"]: step for step in definition.get("steps", [])}


def _step(old: Any, new: Any, connections: Mapping[str, str], names: Names) -> Iterator[Difference]:
    for what, words in (
        ("Name", _name),
        ("Action", _action),
        ("Connection", lambda step: connections.get(step["connection"], "deleted connection")),
        ("If the step fails", lambda step: descriptions.ON_ERROR[step.get("on_error", "stop")]),
    ):
        if words(old) != words(new) or (what == "Connection" and old["connection"] != new["connection"]):
            yield Difference(_name(new), what, "changed", words(old), words(new))
    yield from _conditions(_name(new), "Run condition", old.get("only_if"), new.get("only_if"), names)
    yield from _inputs(old, new)


def _inputs(old: Any, new: Any) -> Iterator[Difference]:
    """Compare the inputs of two versions of one step."""
    properties = catalog.input_schema(new["action"])["properties"]
    for name in dict.fromkeys([*old["input"], *new["input"]]):
        given = old["input"].get(name), new["input"].get(name)
        if given[0] != given[1]:
            before, after = _apart(*given)
            kind = "changed" if before and after else "added" if after else "removed"
            yield Difference(_name(new), title_of(name, properties.get(name, {})), kind, before, after)


def _apart(old: Any, new: Any) -> tuple[str, str]:
    """Both in words, in which they differ; of long ones the part from a little before the first difference."""
    before, after = _value(old), _value(new)
    if before == after:
        before, after = json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False)
    if max(len(before), len(after)) <= _SHOWN:
        return before, after
    pairs = enumerate(zip(before, after, strict=False))
    first = next((at for at, (one, other) in pairs if one != other), min(len(before), len(after)))
    start = max(0, first - _AROUND)
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    return ("…" if start and text else "") + text[start : start + _SHOWN]


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(step: Any) -> str:
    return str(step.get("name") or step["key"])


def _action(step: Any) -> str:
    known = catalog.find_action(step["action"])
    return known.name if known else str(step["action"])
