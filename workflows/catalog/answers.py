"""Check an action's output against its output schema."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def broken_promise(schema: Json, output: Any) -> str:
    """The path at which `output` lacks what the schema requires, such as incidents.3.id; "" if it conforms.

    Only what is required counts: a provider may send more, less or something newer in everything else.
    """
    return next(_faults(schema, output, ()), "")


def _faults(schema: Json, value: Any, route: tuple[str, ...]) -> Iterator[str]:
    if not _has_type(schema, value):
        yield ".".join(route) or "the answer"
    elif isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield ".".join((*route, name))
            else:
                yield from _faults(schema.get("properties", {}).get(name, {}), value[name], (*route, name))
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _faults(schema["items"], item, (*route, str(number)))


def _has_type(schema: Json, value: Any) -> bool:
    wanted = schema.get("type", [])
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return not names or "boolean" in names
    return not names or any(isinstance(value, _TYPES[name]) for name in names)
