"""The display name of a field, by its path: as its provider documents it, else in words made of the path."""

from collections.abc import Iterable, Mapping
from typing import Any

from workflows import catalog
from workflows.formatting.labels import words

Names = Mapping[str, str]
_PLACES = {"0": "first", "*": "any"}


def of_trigger(key: str) -> Names:
    """Return path → name of what conditions and steps see of that kind of trigger."""
    kind = catalog.find_trigger(key)
    return {f"trigger.{path}": name for path, name in (kind.field_names if kind else {}).items()}


def of_steps(steps: Iterable[Mapping[str, Any]]) -> Names:
    """Return path → name of what later steps see of those."""
    found: dict[str, str] = {}
    for step in steps:
        action = catalog.find_action(step["action"])
        names = action.field_names if action else {}
        found |= {f"steps.{step['key']}.{path}": name for path, name in names.items()}
    return found


def of_definition(trigger_key: str, definition: Mapping[str, Any]) -> Names:
    """Return path → name of all that a workflow can see."""
    return {**of_trigger(trigger_key), **of_steps(definition.get("steps", []))}


def name_of(path: str, names: Names) -> str:
    """Return "Service name" for trigger.incident.service.summary; words made of the path for an undocumented field."""
    return names.get(path) or _from_path(path)


def _from_path(path: str) -> str:
    """Return "Incident custom field" for trigger.incident.custom_field."""
    parts = path.split(".")
    parts = parts[2:] if parts[0] == "steps" else parts[1:]
    said = " ".join(_PLACES.get(part, part) for part in parts).replace("_", " ").split()
    once = [word for at, word in enumerate(said) if at == 0 or word != said[at - 1]]
    return words("_".join(once) or path)


def as_delivered(key: str, options: Mapping[str, Any]) -> Names:
    """Return path → name of the fields of a delivery of a trigger with those options, as `redaction` writes paths."""
    kind = catalog.find_trigger(key)
    if kind is None:
        return {}
    # Where a delivered value is found again says which field it is: each is replaced by its own path.
    provider = catalog.integration(key.partition("/")[0])
    seen = provider.trigger_fields(_marked(kind.sample_for(options), ""))
    found = {delivered: kind.field_names.get(path) for path, delivered in _leaves(seen, "")}
    return {delivered: name for delivered, name in found.items() if name}


def _marked(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return {
            # The provider tells kinds of deliveries apart by their types.
            name: inner if name == "type" else _marked(inner, f"{path}.{name}".lstrip("."))
            for name, inner in value.items()
        }
    return [_marked(inner, f"{path}.*") for inner in value[:1]] if isinstance(value, list) else path


def _leaves(value: Any, path: str) -> Iterable[tuple[str, str]]:
    """Yield (path of a field, the mark that is its value)."""
    if isinstance(value, dict):
        for name in value.keys() - {"type"}:
            yield from _leaves(value[name], f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{path}.*")
    elif isinstance(value, str):
        yield path, value
