"""Routes of trying actions and of looking at calls."""

from django.urls import path

from workflows.pages import actions, calls, trying

app_name = "actions"
_CONNECTION = "settings/connections/<uuid:connection_id>/"
urlpatterns = [
    path(f"{_CONNECTION}actions/", actions.action_list, name="list"),
    path(f"{_CONNECTION}actions/<slug:provider>/<slug:action>/", trying.try_action, name="try"),
    path(f"{_CONNECTION}calls/", calls.history, name="calls"),
    path("calls/<uuid:call_id>/", calls.detail, name="call"),
    path("calls/<uuid:call_id>/progress/", calls.progress, name="call_progress"),
]
