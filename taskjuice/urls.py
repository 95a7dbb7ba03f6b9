"""Every route of the product."""

from allauth import urls as allauth_urls
from django.contrib import admin
from django.http import Http404
from django.urls import include, path, re_path, register_converter
from django.views import defaults
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from connections.mail import account_mail
from taskjuice import admin_site
from taskjuice.endpoints import health, metrics
from workflows.inbox.webhook_view import AnyCaseUuid, Receiver

admin_site.take_out()
account_mail.in_one_transaction(allauth_urls.urlpatterns)
register_converter(AnyCaseUuid, "any_case_uuid")
handler400 = "taskjuice.endpoints.error_pages.bad_request"
handler403 = "taskjuice.endpoints.error_pages.forbidden"
handler404 = "taskjuice.endpoints.error_pages.missing"
handler500 = "taskjuice.endpoints.error_pages.broken"

urlpatterns = [
    path("", include("connections.pages.urls")),
    path("", include("workflows.pages.calls.urls")),
    path("", include("workflows.pages.triggers.urls")),
    path("", include("workflows.pages.workflows.urls")),
    path("", include("workflows.pages.outgoing.urls")),
    path("", include("workflows.pages.data.urls")),
    # allauth's own page of third-party accounts would be a second, always empty "Connections", and that of sessions
    # ends all of them or none; the admin's redirects
    # lead to pages that rows do not have, and fail on ids that are none.
    re_path(
        r"^(?:accounts/(?:3rdparty|social|sessions)|admin/r)/",
        defaults.page_not_found,
        {"exception": Http404()},
    ),
    path("accounts/", include(allauth_urls)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("connections.api.urls")),
    path("api/v1/", include("workflows.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("hooks/<slug:provider>/<any_case_uuid:token>", Receiver.as_view(), name="receive"),
    path("hooks/<slug:provider>/<any_case_uuid:token>/", Receiver.as_view()),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
]
