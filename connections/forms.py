"""The forms of Settings → Connections."""

from typing import Any

from django import forms

from connections import providers
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
        label: str = self.cleaned_data["label"]
        if not label.isprintable():
            raise forms.ValidationError("A label is one line of printable characters.")
        return label
