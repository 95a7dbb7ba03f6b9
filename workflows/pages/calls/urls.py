"""Routes of trying actions and of looking at calls."""

from django.urls import path

from workflows.pages.calls import actions, run_action, views

app_name = "actions"
_CONNECTION = "settings/connections/<uuid:connection_id>/"
urlpatterns = [
    path(f"{_CONNECTION}actions/", actions.action_list, name="list"),
    path(f"{_CONNECTION}actions/<slug:provider>/<slug:action>/", run_action.try_action, name="try"),
    path(f"{_CONNECTION}calls/", views.history, name="calls"),
    path("calls/<uuid:call_id>/", views.detail, name="call"),
    path("calls/<uuid:call_id>/progress/", views.progress, name="call_progress"),
]
