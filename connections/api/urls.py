"""Routes of this room under /api/v1/."""

from django.urls import path

from connections.api import connections

urlpatterns = [
    path("connections/", connections.Connections.as_view(), name="api_connections"),
    path("connections/<uuid:connection_id>/", connections.ConnectionDetail.as_view(), name="api_connection"),
    path(
        "connections/<uuid:connection_id>/revoke/", connections.RevokeConnection.as_view(), name="api_revoke"
    ),
    path("connections/<uuid:connection_id>/check/", connections.CheckConnection.as_view(), name="api_check"),
]
