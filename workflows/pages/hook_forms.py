"""The forms of the hook pages."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from connections.forms import Line
from connections.models import Workspace
from workflows.hooks.subscriptions import ROTATION_HOURS
from workflows.models import Trigger
from workflows.pages.trigger_forms import WhichTrigger


class HookForm(forms.Form):
    """Whom to tell, and what of. Without `workspaces` (a hook that exists) its workspace stays."""

    name = Line(max_length=120, label="Name", help_text="Which software it is, such as “Data warehouse”.")
    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), label="Workspace", empty_label=None)
    url = forms.CharField(
        max_length=2000,
        label="Address",
        help_text="Begins with https:// and a public name. That software tells you which.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    events = forms.BooleanField(required=False, initial=True, label="Events, as they arrive")
    runs = forms.BooleanField(required=False, label="Runs of workflows, when they have ended")
    trigger = WhichTrigger(
        queryset=Trigger.objects.none(),
        required=False,
        label="Of which trigger",
        empty_label="every trigger of the workspace",
    )

    def __init__(
        self,
        *args: Any,
        triggers: QuerySet[Trigger],
        workspaces: QuerySet[Workspace] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["trigger"].queryset = triggers  # type: ignore[attr-defined]
        if workspaces is None:
            del self.fields["workspace"]
        else:
            self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]


class RotateForm(forms.Form):
    """How long the secret before goes on signing."""

    hours = forms.TypedChoiceField(
        choices=[
            (str(ROTATION_HOURS), "a day, which is time to change it over there"),
            ("168", "a week"),
            ("0", "not at all: it has come into wrong hands"),
        ],
        coerce=int,
        label="The present secret signs as well for",
    )
