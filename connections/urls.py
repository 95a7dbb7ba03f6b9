"""Routes of this room's pages."""

from django.urls import path

from connections import key_views, views

app_name = "connections"
urlpatterns = [
    path("", views.index, name="index"),
    path("settings/connections/", views.connection_list, name="list"),
    path("settings/connections/add/", views.connect, name="connect"),
    path("settings/connections/<uuid:connection_id>/", views.detail, name="detail"),
    path("settings/connections/<uuid:connection_id>/reconnect/", views.reconnect, name="reconnect"),
    path("settings/connections/<uuid:connection_id>/check/", views.check, name="check"),
    path("settings/connections/<uuid:connection_id>/revoke/", views.revoke, name="revoke"),
    path("settings/api-keys/", key_views.key_list, name="keys"),
    path("settings/api-keys/add/", key_views.add_key, name="key_add"),
    path("settings/api-keys/<uuid:key_id>/revoke/", key_views.revoke_key, name="key_revoke"),
]
