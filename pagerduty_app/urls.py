"""The two OAuth routes; allauth mounts them under /accounts/. Every other route is in taskjuice/urls.py."""

from connections.connecting.callback import consent_urls

urlpatterns = consent_urls("pagerduty")
