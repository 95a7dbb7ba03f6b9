"""Action inputs: strict serializers, and the JSON Schema that other software builds its forms from."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from rest_framework import serializers


class Chosen:
    """A field that can be filled by choosing. lookup: key of the workflows.catalog.Lookup that lists the values."""

    def __init__(self, *, lookup: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lookup = lookup


class Text(Chosen, serializers.CharField):
    """A string and nothing else: a number or a boolean is the caller's mistake, not a title.

    cut: text for people, which a workflow cuts at `max_length` where fields have made it longer. Without it, it is
    refused: two keys or ids that were cut could become one.
    """

    def __init__(self, *, cut: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cut = cut

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be a string.", code="invalid")
        if "\x00" in data:
            raise serializers.ValidationError("Must not contain the NUL character.", code="invalid")
        return super().to_internal_value(data)


class Email(Chosen, serializers.EmailField):
    """An email address as a string."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Must be an email address.", code="invalid")
        return super().to_internal_value(data)


class Names(Chosen, serializers.ListField):
    """Some names, which may have spaces in them: on forms commas stand between, and nothing else does."""

    separator = ","

    def __init__(self, *, longest: int = 100, most: int = 100, **kwargs: Any) -> None:
        super().__init__(child=Text(max_length=longest), max_length=most, allow_empty=False, **kwargs)


class Flag(serializers.BooleanField):
    """true or false; also the words, because fields inserted into a text arrive as text."""

    def to_internal_value(self, data: Any) -> bool:
        if data in ("true", "false"):
            return bool(data == "true")
        if not isinstance(data, bool):
            raise serializers.ValidationError("Must be true or false.", code="invalid")
        return data


class Pairs(serializers.DictField):
    """Names with values of any kind; on forms each is a line, `name: value`, whose value is text."""

    pairs = True


class ActionInput(serializers.Serializer[Any]):
    """An action's input; names it does not know are refused, because a typo must not page the wrong team.

    A subclass that needs a field called `from` (a Python keyword) gives it in `Meta.keyword_fields`. One that
    wants at least one of some optional fields names them in `Meta.at_least_one`, and one that takes exactly one of them
    in `Meta.exactly_one`. One that takes some of its fields also as parts of an object, as the provider has them, says
    so in `Meta.nested`: {name of the object: names of fields}.
    """

    class Meta:
        keyword_fields: dict[str, serializers.Field[Any, Any, Any, Any]] = {}
        at_least_one: Sequence[str] = ()
        exactly_one: Sequence[str] = ()
        nested: Mapping[str, Sequence[str]] = {}

    def get_fields(self) -> dict[str, Any]:
        return {**deepcopy(self.Meta.keyword_fields), **super().get_fields()}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = unnested(type(self), data)
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            known = ", ".join(self.fields)
            raise serializers.ValidationError(
                {str(name)[:100]: [f"Unknown field. Known: {known}."] for name in unknown[:20]}
            )
        value = super().to_internal_value(data)
        self._check_alternatives(value)
        return value

    def _check_alternatives(self, value: Any) -> None:
        names = getattr(self.Meta, "exactly_one", ())
        given = [name for name in names if name in value]
        if len(given) == 1 or not names:
            return
        labels = ", ".join(str(self.fields[name].label) for name in names)
        said = (
            f"Only one of these can be given: {labels}." if given else f"One of these is required: {labels}."
        )
        raise serializers.ValidationError({(given[1:] or names)[0]: [said]})


def unnested(kind: type[serializers.Serializer[Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input with the parts of nested objects (`Meta.nested`) as fields. Raise ValidationError."""
    flat = dict(given)
    for name, parts in getattr(getattr(kind, "Meta", None), "nested", {}).items():
        if not isinstance(inner := flat.get(name), dict):
            continue
        if unknown := [part for part in inner if part not in parts or part in flat]:
            said = f"Unknown or given twice: {', '.join(map(str, unknown))[:100]}."
            raise serializers.ValidationError({name: [said]})
        del flat[name]
        flat |= inner
    return flat


_TYPES: list[tuple[type, dict[str, Any]]] = [
    (serializers.EmailField, {"type": "string", "format": "email"}),
    (serializers.DateTimeField, {"type": "string", "format": "date-time"}),
    (serializers.CharField, {"type": "string"}),
    (serializers.IntegerField, {"type": "integer"}),
    (serializers.BooleanField, {"type": "boolean"}),
    (serializers.DictField, {"type": "object"}),
]
_EXTENSIONS = ("lookup", "cut", "pairs", "separator")
_BOUNDS = {
    "max_length": "maxLength",
    "min_length": "minLength",
    "max_value": "maximum",
    "min_value": "minimum",
}


def json_schema(serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `serializer` accepts.

    `x-lookup` on a property is the key of the look-up that lists its values (of its items, for an array):
    GET /api/v1/connections/{id}/lookups/{key}/. `x-separator`: what stands between the items where people type them.
    `x-words`: value of an `enum` → what people call it. `x-cut`: a workflow's step cuts it at `maxLength` where fields
    have made it longer. `x-pairs`: an object whose properties people type as lines of `name: value`.
    """
    fields = serializer().fields
    schema = {
        "type": "object",
        "properties": {name: _field_schema(field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
    }
    meta = getattr(serializer, "Meta", None)
    for keyword, attribute in (("anyOf", "at_least_one"), ("oneOf", "exactly_one")):
        if names := getattr(meta, attribute, ()):
            schema[keyword] = [{"required": [name]} for name in names]
    return schema


def alternatives(schema: Mapping[str, Any]) -> list[str]:
    """Return the optional fields of which a schema of `json_schema` wants at least one, or exactly one ("oneOf")."""
    branches = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    return [name for branch in branches for name in branch["required"]]


def _field_schema(field: Any) -> dict[str, Any]:
    schema: dict[str, Any]
    if isinstance(field, serializers.ListField):
        schema = {"type": "array", "items": _field_schema(field.child)}
        schema |= {"maxItems": field.max_length} if field.max_length else {}
    elif isinstance(field, serializers.ChoiceField):
        schema = {"type": "string", "enum": list(field.choices)}
        labels = {value: str(label) for value, label in field.choices.items()}
        schema |= {"x-words": labels} if any(value != label for value, label in labels.items()) else {}
    else:
        schema = dict(next(schema for kind, schema in _TYPES if isinstance(field, kind)))
        for attribute, keyword in _BOUNDS.items():
            bound = getattr(field, attribute, None)
            if isinstance(bound, int):
                schema[keyword] = bound
    if field.label:
        schema["title"] = str(field.label)
    if field.help_text:
        schema["description"] = str(field.help_text)
    extensions = {f"x-{name}": getattr(field, name, None) for name in _EXTENSIONS}
    return schema | {name: value for name, value in extensions.items() if value}
