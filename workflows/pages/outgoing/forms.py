"""The forms of the hook pages."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from connections.models import Workspace
from connections.web.forms import Line
from workflows.models import Trigger
from workflows.outgoing.endpoints import ROTATION_HOURS
from workflows.pages.triggers.forms import WhichTrigger


class HookForm(forms.Form):
    """An endpoint's URL and subscriptions. Without `workspaces` (an existing endpoint) its workspace stays."""

    name = Line(max_length=120, label="Name", help_text="e.g. “Data warehouse”")
    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), label="Workspace", empty_label=None)
    url = forms.CharField(
        max_length=2000,
        label="Endpoint URL",
        help_text="Public HTTPS URL",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )
    events = forms.BooleanField(required=False, initial=True, label="Incoming events")
    runs = forms.BooleanField(required=False, label="Finished workflow runs")
    trigger = WhichTrigger(
        queryset=Trigger.objects.none(),
        required=False,
        label="Trigger (filter)",
        empty_label="All triggers",
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
    """The time for which the previous secret keeps signing."""

    hours = forms.TypedChoiceField(
        choices=[
            (str(ROTATION_HOURS), "24 hours"),
            ("168", "7 days"),
            ("0", "Immediately (the secret was leaked)"),
        ],
        coerce=int,
        label="Expire old secret after",
    )
