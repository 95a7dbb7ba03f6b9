"""Routes of the trigger pages."""

from django.urls import path

from workflows.pages import (
    deliveries,
    trigger_adding,
    trigger_changes,
    trigger_options,
    trigger_redaction,
    trigger_secrets,
    trigger_tests,
    trigger_webhook,
    triggers,
)

app_name = "triggers"
_TRIGGER = "triggers/<uuid:trigger_id>/"
_DELIVERY = f"{_TRIGGER}deliveries/<uuid:event_id>/"
urlpatterns = [
    path("triggers/", triggers.trigger_list, name="list"),
    path("triggers/add/", trigger_adding.add, name="add"),
    path(_TRIGGER, triggers.detail, name="detail"),
    path(f"{_TRIGGER}progress/", triggers.progress, name="progress"),
    path(f"{_TRIGGER}rename/", trigger_changes.rename, name="rename"),
    path(f"{_TRIGGER}options/", trigger_options.choose, name="options"),
    path(f"{_TRIGGER}redaction/", trigger_redaction.choose, name="redaction"),
    path(f"{_TRIGGER}pause/", trigger_changes.pause, name="pause"),
    path(f"{_TRIGGER}resume/", trigger_changes.resume, name="resume"),
    path(f"{_TRIGGER}delete/", trigger_changes.delete, name="delete"),
    path(f"{_TRIGGER}secrets/", trigger_secrets.add, name="secret_add"),
    path(f"{_TRIGGER}secrets/<uuid:secret_id>/retire/", trigger_secrets.retire, name="secret_retire"),
    path(f"{_TRIGGER}webhook/", trigger_webhook.set_up, name="webhook_set_up"),
    path(f"{_TRIGGER}webhook/rotate/", trigger_webhook.rotate, name="webhook_rotate"),
    path(f"{_TRIGGER}test/", trigger_tests.send, name="test"),
    path(f"{_TRIGGER}deliveries/", deliveries.delivery_list, name="deliveries"),
    path(_DELIVERY, deliveries.delivery, name="delivery"),
    path(f"{_DELIVERY}requeue/", deliveries.requeue, name="requeue"),
    path(f"{_DELIVERY}run/<uuid:workflow_id>/", trigger_tests.run, name="test_run"),
]
