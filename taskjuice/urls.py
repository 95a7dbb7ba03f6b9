"""Every route of the product."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from pagerduty_app.receiver import Receiver
from taskjuice import health

urlpatterns = [
    path("", include("connections.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("connections.api.urls")),
    path("api/v1/", include("workflows.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("hooks/pagerduty/<uuid:token>", Receiver.as_view(), name="receive"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
