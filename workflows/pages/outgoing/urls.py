"""Routes of the hook pages."""

from django.urls import path

from workflows.pages.outgoing import changes, deliveries, views

app_name = "hooks"
_HOOK = "settings/hooks/<uuid:hook_id>/"
_DELIVERY = f"{_HOOK}deliveries/<uuid:delivery_id>/"
urlpatterns = [
    path("settings/hooks/", views.hook_list, name="list"),
    path("settings/hooks/add/", views.add, name="add"),
    path(_HOOK, views.detail, name="detail"),
    path(f"{_HOOK}edit/", changes.change, name="edit"),
    path(f"{_HOOK}pause/", changes.pause, name="pause"),
    path(f"{_HOOK}resume/", changes.resume, name="resume"),
    path(f"{_HOOK}secret/", changes.rotate, name="rotate"),
    path(f"{_HOOK}test/", changes.test, name="test"),
    path(f"{_HOOK}delete/", changes.delete, name="delete"),
    path(f"{_HOOK}deliveries/", deliveries.delivery_list, name="deliveries"),
    path(f"{_HOOK}deliveries/replay/", deliveries.replay_all, name="replay_all"),
    path(_DELIVERY, deliveries.delivery, name="delivery"),
    path(f"{_DELIVERY}replay/", deliveries.replay, name="replay"),
]
