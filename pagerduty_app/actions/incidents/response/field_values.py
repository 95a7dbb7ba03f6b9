"""Values of custom fields: which are taken, how typed text becomes one, when two are equal (api-schema)."""

import math
import re
from collections.abc import Callable
from typing import Any

from workflows.catalog import Json
from workflows.formatting.datetimes import moment

# api-schema, CustomFieldsFieldValue.
_LONGEST_TEXT, _MOST_VALUES = 200, 10
_KIND = "Must be text, a number, true or false, or a list of texts."
_EMPTY: tuple[Any, ...] = (None, "", [])


def fault(value: Any) -> str:
    """Return what is wrong with a value, "" for nothing. None clears the field."""
    if isinstance(value, list):
        if len(value) > _MOST_VALUES:
            return f"At most {_MOST_VALUES} values."
        return next((fault(one) or _KIND for one in value if not isinstance(one, str) or fault(one)), "")
    if isinstance(value, str):
        return f"At most {_LONGEST_TEXT} characters." if len(value) > _LONGEST_TEXT else ""
    finite = not isinstance(value, float) or math.isfinite(value)
    return "" if finite and (value is None or isinstance(value, bool | int | float)) else _KIND


def typed(field: Json, value: Any) -> Any:
    """Return a value that was typed in the type of its field; what does not fit stays as it is, to be refused."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    if str(field.get("field_type")).startswith("multi_value"):
        return [part.strip() for part in value.split(",") if part.strip()]
    return _READ.get(str(field.get("data_type")), str)(value)


def _integer(text: str) -> Any:
    return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else text


def _number(text: str) -> Any:
    return float(text) if re.fullmatch(r"\s*-?[0-9]{1,18}(\.[0-9]{1,18})?\s*", text) else text


def _truth(text: str) -> Any:
    return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip().lower(), text)


_READ: dict[str, Callable[[str], Any]] = {"integer": _integer, "float": _number, "boolean": _truth}


def same(field: Json, value: Any) -> bool:
    """Return whether the field has that value: lists in any order, times in any zone, nothing in any form."""
    present = field.get("value")
    if isinstance(present, list) and isinstance(value, list):
        return sorted(map(str, present)) == sorted(map(str, value))
    if present in _EMPTY or value in _EMPTY:
        return present in _EMPTY and value in _EMPTY
    if field.get("data_type") == "datetime" and (at := moment(present)) is not None:
        return at == moment(value)
    return isinstance(present, bool) is isinstance(value, bool) and bool(present == value)
