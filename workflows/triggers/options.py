"""The options of a trigger: settings of its own that its type in the catalog declares, such as filters."""

from collections.abc import Mapping
from typing import Any

from connections.api.errors import invalid_input
from core.errors import Problem
from workflows import catalog
from workflows.catalog import Json
from workflows.formatting.labels import title_of


def checked(key: str, given: Any) -> Json:
    """`given` as it is stored on a trigger of that type. Raises Problem (invalid_input), fields by their names."""
    trigger_type = catalog.find_trigger(key)
    if trigger_type is None or trigger_type.options is None:
        if given:
            raise invalid_input({name: ["This trigger has no such option."] for name in _names(given)})
        return {}
    serializer = trigger_type.options(data=given)
    if not serializer.is_valid():
        raise invalid_input(dict(serializer.errors))
    # Without what is off, so that a trigger says only how it differs from the usual one.
    return {name: value for name, value in serializer.data.items() if value not in (None, False, "", [])}


def checked_for_api(key: str, given: Any) -> Json:
    """As `checked`, with the faults below the field `options`."""
    try:
        return checked(key, given)
    except Problem as problem:
        raise invalid_input({"options": problem.fields}) from None


def in_words(key: str, options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of each option that is set, as people read it."""
    known = catalog.options_schema(key)["properties"]
    return [(title_of(name, known[name]), _said(options[name])) for name in known if name in options]


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "yes" if value is True else str(value)


def _names(given: Any) -> list[str]:
    return [str(name)[:100] for name in list(given)[:20]] if isinstance(given, dict) else ["options"]
