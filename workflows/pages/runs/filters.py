"""Filters of runs, for their list and for bulk replay."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet

from connections.web.current_scope import Place
from core.web.date_fields import Day, midnight
from workflows.models import Run, Workflow
from workflows.models.runs import RunQuerySet

_MOST_CHOICES = 300
_WAITS_FOR_RECONNECTING = "reconnect"
_STATUSES = [("", "All"), *Run.Status.choices, (_WAITS_FOR_RECONNECTING, "Waiting for reconnection")]

_KINDS = [("", "All"), ("real", "Live runs"), ("test", "Test runs")]


class Filters(forms.Form):
    """All optional; a date is a day in the reader's zone, both ends included."""

    status = forms.ChoiceField(choices=_STATUSES, required=False, label="Status")
    workflow = forms.ModelChoiceField(
        queryset=Workflow.objects.none(), required=False, label="Workflow", empty_label="All"
    )
    kind = forms.ChoiceField(choices=_KINDS, required=False, label="Kind")
    incident = forms.CharField(max_length=200, required=False, label="Incident ID")
    since = Day(required=False, label="From")
    until = Day(required=False, label="To")

    def __init__(self, data: Any, *, place: Place) -> None:
        super().__init__(data)
        keys = list(Workflow.objects.at(place).values_list("pk", flat=True)[:_MOST_CHOICES])
        choices = Workflow.objects.filter(pk__in=keys).order_by("name")
        self.fields["workflow"].queryset = choices  # type: ignore[attr-defined]

    def narrow(self, runs: RunQuerySet) -> QuerySet[Run]:
        """Only what was asked for; a field that could not be understood narrows to nothing."""
        if not self.is_valid():
            return runs.none()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        wanted: dict[str, Any] = {}
        if "workflow" in asked:
            wanted["workflow"] = asked["workflow"]
        if (status := asked.get("status")) == _WAITS_FOR_RECONNECTING:
            status, wanted["blocked_on__isnull"] = Run.Status.PAUSED, False
        if status:
            runs = runs.with_status(status)
        if "kind" in asked:
            wanted["version__isnull"] = asked["kind"] == "test"
        if "incident" in asked:
            wanted["lane"] = asked["incident"].strip()
        if "since" in asked:
            wanted["created_at__gte"] = midnight(asked["since"])
        if "until" in asked:
            wanted["created_at__lt"] = midnight(asked["until"] + timedelta(days=1))
        return runs.filter(**wanted)

    @property
    def asked(self) -> dict[str, str]:
        """The filters as they were typed."""
        return {name: str(self.data[name]) for name in self.fields if self.data.get(name)}
