"""The forms of the trigger pages."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

from django import forms
from django.db.models import QuerySet

from connections.models import Connection
from connections.web.forms import Line
from workflows import catalog
from workflows.catalog import TriggerType
from workflows.formatting import field_names
from workflows.forms.action import SchemaForm
from workflows.inbox import redaction
from workflows.models import Trigger
from workflows.triggers import options


class WhichConnection(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        state = (
            ""
            if obj.status == Connection.Status.ACTIVE
            else f" ({obj.get_status_display().rstrip('.').lower()})"
        )
        return f"{obj.label} – {obj.workspace.name}{state}"


class GroupedRadios(forms.RadioSelect):
    """Radio buttons under headings: the first group is open, another one if something in it is chosen."""

    template_name = "triggers/grouped_radios.html"


class WhichTrigger(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} – {obj.workspace.name}"


def in_groups(
    label: Callable[[TriggerType], str], wanted: Callable[[TriggerType], bool] = lambda kind: True
) -> list[Any]:
    """Return the choices of a field for a trigger type, under the headings of their groups if they have one."""
    found: list[Any] = []
    known = (kind for one in catalog.integrations() for kind in one.triggers.values() if wanted(kind))
    for group, kinds in groupby(known, lambda kind: kind.group):
        choices = [(kind.key, label(kind)) for kind in kinds]
        found += [(group, choices)] if group else choices
    return found


class TriggerForm(forms.Form):
    """The event type and the connection of a new trigger."""

    connection = WhichConnection(
        queryset=Connection.objects.none(), label="Connection", empty_label="Choose a connection"
    )
    key = forms.ChoiceField(widget=GroupedRadios, label="Event")
    name = Line(
        max_length=120,
        required=False,
        label="Name",
        help_text="Optional. Defaults to the event name.",
    )

    def __init__(self, *args: Any, connections: QuerySet[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connection"].queryset = connections  # type: ignore[attr-defined]
        self.fields["key"].choices = in_groups(  # type: ignore[attr-defined]
            lambda kind: f"{kind.name} – {kind.description}"
        )


class _WriteOnly(forms.PasswordInput):
    """Never shows what was typed again. Not a password to the browser, which would offer to remember it."""

    input_type = "text"


class SecretForm(forms.Form):
    """A signing secret, by the rules of the API. Spelling is not checked: some browsers ask a server for that."""

    secret = forms.CharField(
        min_length=8,
        max_length=500,
        label="Signing secret",
        widget=_WriteOnly(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "class": "mono"}
        ),
    )

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if not secret.isascii():
            raise forms.ValidationError("That doesn’t look like a signing secret.")
        return secret


class RenameForm(forms.Form):
    name = Line(max_length=120, label="Name")


class OptionsForm(SchemaForm):
    """The options of a trigger of that type."""

    def __init__(self, key: str, data: Any = None, *, initial: Any = None) -> None:
        schema = catalog.options_schema(key)
        super().__init__(schema, lambda given: options.checked(key, given), data, initial=initial or {})


class RedactionForm(forms.Form):
    """The fields that are never stored; `redact` of its cleaned data has the paths of both inputs."""

    known = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Event fields"
    )
    others = forms.CharField(
        required=False,
        max_length=redaction.MOST_PATHS * (redaction.LONGEST_PATH + 2),
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        label="Other fields",
        help_text="One per line, e.g. event.data.body.details. * stands for every list item.",
    )

    def __init__(self, *args: Any, trigger: Trigger, **kwargs: Any) -> None:
        kind = catalog.find_trigger(trigger.key)
        needed = catalog.integration(trigger.provider).webhooks.needed
        sample = kind.sample_for(trigger.options) if kind else {}
        known = [path for path in redaction.fields_of(sample) if path not in needed]
        others = [path for path in trigger.redact if path not in known]
        names = field_names.as_delivered(trigger.key, trigger.options)
        super().__init__(*args, **kwargs)
        self.fields["known"].initial = [path for path in trigger.redact if path in known]
        self.fields["others"].initial = "\n".join(others)
        offered = [(path, f"{names[path]} ({path})" if path in names else path) for path in known]
        self.fields["known"].choices = offered  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        lines = [line.strip() for line in data.get("others", "").splitlines()]
        data["redact"] = [*data.get("known", []), *(line for line in lines if line)]
        return data
