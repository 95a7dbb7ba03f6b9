"""The form of one step: its name, the input of its action with expressions, and what an error does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from rest_framework.serializers import ValidationError

from connections.web.forms import Line
from core.errors import Problem
from core.web import edit_conflicts
from workflows import catalog
from workflows.authoring import drafts
from workflows.calls.lookups import Choices
from workflows.catalog import ActionType, Json
from workflows.catalog.schemas import alternatives, unnested
from workflows.formatting.serializer_errors import flat
from workflows.forms import step_fields
from workflows.runs import step_inputs

_ON_ERROR = [
    ("stop", "Stop the run"),
    ("continue", "Continue to the next step"),
    ("retry", "Retry up to 3 times over several hours, then stop"),
]


class StepForm(forms.Form):
    """Fields of the action are called `in-<name>`, so that none of them is taken for one of the step's own."""

    name = Line(max_length=120, label="Step name")
    on_error = forms.ChoiceField(choices=_ON_ERROR, widget=forms.RadioSelect, label="If the step fails")
    connection = forms.ChoiceField(label="Connection")

    def __init__(
        self,
        action: ActionType,
        step: Mapping[str, Any],
        data: Any = None,
        *,
        connections: Sequence[tuple[str, str]],
    ) -> None:
        schema = catalog.input_schema(action.key)
        self.action = action
        self.properties: Json = schema["properties"]
        self.required: list[str] = schema.get("required", [])
        self.some = alternatives(schema)
        self._stored = _flat(action, step.get("input") or {})
        given = {f"in-{name}": value for name, value in self._stored.items()}
        begin = {"name": step.get("name") or action.name, "on_error": step.get("on_error", "stop")}
        super().__init__(data, initial={**begin, "connection": step["connection"], **given})
        self.fields["connection"].choices = connections  # type: ignore[attr-defined]
        for name, inner in self.properties.items():
            present = given.get(f"in-{name}")
            if isinstance(present, bool):
                self.initial[f"in-{name}"] = present = str(present).lower()  # as its list has it
            field = step_fields.field_for(name, inner, required=name in self.required, present=present)
            self.fields[f"in-{name}"] = field
        self._unknown = [name for name in self._stored if name not in self.properties]
        for name in self._unknown:
            self.fields[f"in-{name}"] = step_fields.field_of_unknown(name)

    def parts(self) -> dict[str, Any]:
        """For the template: the fields that are wanted, and the rest with whether they have to be seen at once."""
        wanted = [name for name in self.properties if name in self.required or name in self.some]
        more = [self[f"in-{name}"] for name in [*self.properties, *self._unknown] if name not in wanted]
        return {
            "wanted": [self[f"in-{name}"] for name in wanted],
            "more": more,
            "more_open": any(field.errors or field.value() for field in more),
        }

    def offer(self, choices_of: Callable[[str], Choices | Problem], own_address: str) -> None:
        """Fill the pickers from the connected account. own_address: chosen where it is one of the addresses."""
        for name, schema in self.properties.items():
            key = schema.get("x-lookup") or schema.get("items", {}).get("x-lookup")
            if not key:
                continue
            found, field = choices_of(key), f"in-{name}"
            step_fields.offer(self.fields[field], found)
            if schema.get("format") == "email" and isinstance(found, Choices):
                self.initial.setdefault(field, found.spelt(own_address))

    @property
    def input(self) -> Json:
        """The entered input in the form of steps, without empty fields. Available also while it has errors.

        What was left alone stays as it was stored, also where a field shows it in another form: numbers, names with
        commas.
        """
        data = getattr(self, "cleaned_data", {})
        entered = {name: data.get(f"in-{name}") for name in [*self.properties, *self._unknown]}
        for name, value in self._stored.items():
            if f"in-{name}" in data and edit_conflicts.is_left_alone(self, f"in-{name}"):
                entered[name] = value
        return {name: value for name, value in entered.items() if value not in (None, "", [])}

    def step(self, *, key: str) -> Json:
        """The step as definitions have it."""
        return {
            "key": key,
            "name": self.cleaned_data["name"],
            "connection": self.cleaned_data["connection"],
            "action": self.action.key,
            "input": self.input,
            "on_error": self.cleaned_data["on_error"],
        }

    def judge(self, fields: Json) -> None:
        """Hold what has no expressions against the action's own rules. fields: a sample, for those that have."""
        entered = self.input
        by_sample = {name for name, value in entered.items() if "{{" in str(value)}
        for name, said in step_inputs.prepare(self.action.key, entered, fields).faults.items():
            if name not in by_sample:
                self.add_error(f"in-{name}" if f"in-{name}" in self.fields else None, said)

    def blame(self, detail: Any, at: int, words: str) -> None:
        """Say what the draft is refused for: at the inputs of this step, or else, in `words`, above the form.

        detail: as the definition's serializer gives it. at: this step's number.
        """
        inputs = drafts.faults_of_step(detail, at).get("input")
        for name, errors in inputs.items() if isinstance(inputs, Mapping) else ():
            if name in self.input:
                self.add_error(f"in-{name}", flat(errors))
        if not self.errors:
            self.add_error(None, words)


def _flat(action: ActionType, given: Mapping[str, Any]) -> Json:
    """Return the stored input by fields; an object whose parts have none stays as it is."""
    try:
        return unnested(action.input, given)
    except ValidationError:
        return dict(given)
