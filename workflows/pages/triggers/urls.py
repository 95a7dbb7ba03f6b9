"""Routes of the trigger pages."""

from django.urls import path

from workflows.pages.triggers import (
    add,
    changes,
    deliveries,
    options,
    redaction,
    secrets,
    test_events,
    views,
    webhook,
)

app_name = "triggers"
_TRIGGER = "triggers/<uuid:trigger_id>/"
_DELIVERY = f"{_TRIGGER}deliveries/<uuid:event_id>/"
urlpatterns = [
    path("triggers/", views.trigger_list, name="list"),
    path("triggers/add/", add.add, name="add"),
    path(_TRIGGER, views.detail, name="detail"),
    path(f"{_TRIGGER}progress/", views.progress, name="progress"),
    path(f"{_TRIGGER}rename/", changes.rename, name="rename"),
    path(f"{_TRIGGER}options/", options.choose, name="options"),
    path(f"{_TRIGGER}redaction/", redaction.choose, name="redaction"),
    path(f"{_TRIGGER}pause/", changes.pause, name="pause"),
    path(f"{_TRIGGER}resume/", changes.resume, name="resume"),
    path(f"{_TRIGGER}delete/", changes.delete, name="delete"),
    path(f"{_TRIGGER}secrets/", secrets.add, name="secret_add"),
    path(f"{_TRIGGER}secrets/<uuid:secret_id>/retire/", secrets.retire, name="secret_retire"),
    path(f"{_TRIGGER}webhook/", webhook.set_up, name="webhook_set_up"),
    path(f"{_TRIGGER}webhook/rotate/", webhook.rotate, name="webhook_rotate"),
    path(f"{_TRIGGER}test/", test_events.send, name="test"),
    path(f"{_TRIGGER}deliveries/", deliveries.delivery_list, name="deliveries"),
    path(_DELIVERY, deliveries.delivery, name="delivery"),
    path(f"{_DELIVERY}requeue/", deliveries.requeue, name="requeue"),
    path(f"{_DELIVERY}run/<uuid:workflow_id>/", test_events.run, name="test_run"),
]
