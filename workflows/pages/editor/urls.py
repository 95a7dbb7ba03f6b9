"""Routes of the editor; part of the namespace `workflows`."""

from django.urls import path

from workflows.pages.editor import beginning, draft_tests, order, steps, views

_ONE = "workflows/<uuid:workflow_id>/"
_ACTION = "<uuid:connection_id>/<slug:provider>/<slug:action>/"
_STEP = f"{_ONE}steps/<slug:key>/"
urlpatterns = [
    path("workflows/add/", beginning.add, name="add"),
    path(f"{_ONE}edit/", views.edit, name="edit"),
    path(f"{_ONE}rename/", views.rename, name="rename"),
    path(f"{_ONE}conditions/", views.conditions, name="conditions"),
    path(f"{_ONE}rehearsal/", views.rehearse, name="rehearsal"),
    path(f"{_ONE}test/", draft_tests.test, name="test"),
    path(f"{_ONE}publish/", views.publish, name="publish"),
    path(f"{_ONE}add-step/", steps.choose, name="choose"),
    path(f"{_ONE}add-step/{_ACTION}", steps.add, name="add_step"),
    path(f"{_ONE}preview/{_ACTION}", steps.preview, name="preview"),
    path(_STEP, steps.change, name="step"),
    path(f"{_STEP}earlier/", order.move, {"by": -1}, name="earlier"),
    path(f"{_STEP}later/", order.move, {"by": 1}, name="later"),
    path(f"{_STEP}place/", order.place, name="place"),
    path(f"{_STEP}remove/", order.remove, name="remove"),
]
