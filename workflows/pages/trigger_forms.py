"""The forms of the trigger pages."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from connections.forms import Line
from connections.models import Connection
from workflows import catalog


class WhichConnection(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        state = (
            ""
            if obj.status == Connection.Status.ACTIVE
            else f" ({obj.get_status_display().rstrip('.').lower()})"
        )
        return f"{obj.label} – {obj.workspace.name}{state}"


class TriggerForm(forms.Form):
    """What to listen for, and in which account."""

    connection = WhichConnection(
        queryset=Connection.objects.none(), label="Connection", empty_label="Choose a connection"
    )
    key = forms.ChoiceField(widget=forms.RadioSelect, label="Event")
    name = Line(
        max_length=120,
        required=False,
        label="Name",
        help_text="How you will recognise it. Leave it empty to call it like the event.",
    )

    def __init__(self, *args: Any, connections: QuerySet[Connection], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connection"].queryset = connections  # type: ignore[attr-defined]
        self.fields["key"].choices = [  # type: ignore[attr-defined]
            (key, f"{trigger_type.name} – {trigger_type.description}")
            for integration in catalog.integrations()
            for key, trigger_type in integration.triggers.items()
        ]


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
            raise forms.ValidationError("Signing secrets have no such characters; copy it again.")
        return secret


class RenameForm(forms.Form):
    name = Line(max_length=120, label="Name")
