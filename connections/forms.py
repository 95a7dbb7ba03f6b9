"""The forms of Settings → Connections and of Settings → API keys."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from connections import providers
from connections.actors import SCOPES
from connections.models import Workspace


class ConnectForm(forms.Form):
    """What a new connection is called and where it belongs."""

    provider = forms.ChoiceField(widget=forms.HiddenInput)
    label = forms.CharField(
        max_length=120,
        label="Label",
        help_text="How you will recognise it, such as “Acme’s PagerDuty”.",
    )
    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), label="Workspace", empty_label=None)

    def __init__(self, *args: Any, workspaces: list[Workspace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = providers.known()
        self.fields["provider"].choices = [(provider.key, provider.name) for provider in known]  # type: ignore[attr-defined]
        self.fields["provider"].initial = known[0].key if known else ""
        mine = Workspace.objects.filter(pk__in=[workspace.pk for workspace in workspaces])
        self.fields["workspace"].queryset = mine.order_by("name")  # type: ignore[attr-defined]

    def clean_label(self) -> str:
        """One line: it becomes the subject of mails."""
        return _one_line(self.cleaned_data["label"])


class KeyForm(forms.Form):
    """A new API key: what it is called, where it belongs, what it may do, and until when."""

    name = forms.CharField(
        max_length=120, label="Name", help_text="Which software uses it, such as “Reporting”."
    )
    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), label="Workspace", empty_label=None)
    scopes = forms.MultipleChoiceField(
        choices=[(scope, words) for scope, words in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        label="What it may do",
        error_messages={"required": "Choose at least one."},
    )
    days = forms.TypedChoiceField(
        choices=[("90", "90 days"), ("365", "a year"), ("30", "30 days"), ("", "until it is revoked")],
        coerce=int,
        empty_value=None,
        required=False,
        label="How long it counts",
    )

    def __init__(self, *args: Any, workspaces: Sequence[Workspace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Workspace.objects.filter(pk__in=[workspace.pk for workspace in workspaces])
        self.fields["workspace"].queryset = mine.order_by("name")  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return _one_line(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        """Adds `expires_at`: an aware time, or None."""
        data = super().clean() or {}
        days = data.get("days")
        data["expires_at"] = timezone.now() + timedelta(days=days) if days else None
        return data


def _one_line(text: str) -> str:
    """Raises ValidationError for what would break a table, a log line or a mail."""
    if not text.isprintable():
        raise forms.ValidationError("One line of printable characters, please.")
    return text
