"""Forms made from a JSON Schema: of an action, whose input is what is entered, and of a trigger's options."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms

from core.errors import Problem
from workflows import catalog
from workflows.calls import pipeline
from workflows.calls.lookups import Choices
from workflows.catalog import ActionType, Json
from workflows.catalog.schemas import alternatives
from workflows.formatting.serializer_errors import flat
from workflows.forms import pickers
from workflows.forms.action_fields import field_for


class SchemaForm(forms.Form):
    """Required fields, then those of which one or more are wanted, then the rest. `input` is there when valid.

    check(input): the rules beyond the schema; raises Problem whose fields name those at fault.
    """

    def __init__(
        self,
        schema: Json,
        check: Callable[[Json], object],
        data: Any = None,
        *,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self._check = check
        self.properties: Json = schema["properties"]
        self.input: Json = {}
        required = schema.get("required", [])
        some = alternatives(schema)
        self._exactly_one = "oneOf" in schema
        self._groups = {
            "first": [name for name in self.properties if name in required],
            "some": [name for name in self.properties if name in some and name not in required],
            "more": [name for name in self.properties if name not in required and name not in some],
        }
        known = {name: value for name, value in (initial or {}).items() if name in self.properties}
        super().__init__(data, initial=known)
        for name in (name for names in self._groups.values() for name in names):
            self.fields[name] = field_for(name, self.properties[name], required=name in required)

    def parts(self) -> dict[str, Any]:
        """For the template: the fields of `first`, `some` and `more`, whether exactly one of `some` is wanted, and
        whether the last have to be seen at once.

        Given by names of their own, because a template takes `form.more` for a field called so.
        """
        fields = {group: [self[name] for name in names] for group, names in self._groups.items()}
        more_open = any(field.errors or field.value() for field in fields["more"])
        return {**fields, "exactly_one": self._exactly_one, "more_open": more_open}

    def offer(self, choices_of: Callable[[str], Choices | Problem], own_address: str = "") -> None:
        """Make pickers of the fields that have a look-up. own_address: chosen where it is one of the addresses."""
        for name, schema in self.properties.items():
            if key := schema.get("x-lookup"):
                found = choices_of(key)
                if schema.get("format") == "email" and name not in self.initial:
                    self._begin_with(name, found, own_address)
                # Not self[name]: that would keep the help text of before.
                present = self.fields[name].get_bound_field(self, name).value()
                pickers.offer(self.fields[name], found, present)

    def _begin_with(self, name: str, found: Choices | Problem, address: str) -> None:
        if isinstance(found, Choices) and (mine := found.spelt(address)):
            self.initial[name] = mine

    def clean(self) -> dict[str, Any]:
        """Put the action's own errors beside the fields that they concern."""
        data = super().clean() or {}
        self.input = {name: _as_json(value) for name, value in data.items() if not _left_out(value)}
        if not self.errors:
            try:
                self._check(self.input)
            except Problem as problem:
                for name, errors in (problem.fields or {}).items():
                    self.add_error(name if name in self.fields else None, flat(errors))
        return data


class ActionForm(SchemaForm):
    """The form of an action's input."""

    def __init__(
        self, action: ActionType, data: Any = None, *, initial: Mapping[str, Any] | None = None
    ) -> None:
        self.action = action
        schema = catalog.input_schema(action.key)
        super().__init__(schema, lambda given: pipeline.validate(action, given), data, initial=initial)


def _left_out(value: Any) -> bool:
    """Return whether nothing was entered; 0 is something."""
    return value is None or value is False or value in ("", [])


def _as_json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
