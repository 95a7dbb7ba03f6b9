"""Routes of the hook pages."""

from django.urls import path

from workflows.pages import hook_changes, hook_deliveries, hooks

app_name = "hooks"
_HOOK = "settings/hooks/<uuid:hook_id>/"
_DELIVERY = f"{_HOOK}deliveries/<uuid:delivery_id>/"
urlpatterns = [
    path("settings/hooks/", hooks.hook_list, name="list"),
    path("settings/hooks/add/", hooks.add, name="add"),
    path(_HOOK, hooks.detail, name="detail"),
    path(f"{_HOOK}edit/", hook_changes.change, name="edit"),
    path(f"{_HOOK}pause/", hook_changes.pause, name="pause"),
    path(f"{_HOOK}resume/", hook_changes.resume, name="resume"),
    path(f"{_HOOK}secret/", hook_changes.rotate, name="rotate"),
    path(f"{_HOOK}test/", hook_changes.test, name="test"),
    path(f"{_HOOK}delete/", hook_changes.delete, name="delete"),
    path(f"{_HOOK}deliveries/", hook_deliveries.delivery_list, name="deliveries"),
    path(f"{_HOOK}deliveries/replay/", hook_deliveries.replay_all, name="replay_all"),
    path(_DELIVERY, hook_deliveries.delivery, name="delivery"),
    path(f"{_DELIVERY}replay/", hook_deliveries.replay, name="replay"),
]
