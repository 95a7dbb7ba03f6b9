"""Routes of the editor; part of the namespace `workflows`."""

from django.urls import path

from workflows.pages import draft_tests, editor, editor_beginning, editor_order, editor_steps

_ONE = "workflows/<uuid:workflow_id>/"
_ACTION = "<uuid:connection_id>/<slug:provider>/<slug:action>/"
_STEP = f"{_ONE}steps/<slug:key>/"
urlpatterns = [
    path("workflows/add/", editor_beginning.add, name="add"),
    path(f"{_ONE}edit/", editor.edit, name="edit"),
    path(f"{_ONE}rename/", editor.rename, name="rename"),
    path(f"{_ONE}conditions/", editor.conditions, name="conditions"),
    path(f"{_ONE}rehearsal/", editor.rehearse, name="rehearsal"),
    path(f"{_ONE}test/", draft_tests.test, name="test"),
    path(f"{_ONE}publish/", editor.publish, name="publish"),
    path(f"{_ONE}add-step/", editor_steps.choose, name="choose"),
    path(f"{_ONE}add-step/{_ACTION}", editor_steps.add, name="add_step"),
    path(f"{_ONE}preview/{_ACTION}", editor_steps.preview, name="preview"),
    path(_STEP, editor_steps.change, name="step"),
    path(f"{_STEP}earlier/", editor_order.move, {"by": -1}, name="earlier"),
    path(f"{_STEP}later/", editor_order.move, {"by": 1}, name="later"),
    path(f"{_STEP}place/", editor_order.place, name="place"),
    path(f"{_STEP}remove/", editor_order.remove, name="remove"),
]
